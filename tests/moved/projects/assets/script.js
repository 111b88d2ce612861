window.site = 1;
