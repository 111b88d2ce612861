// Loads this page anew when the server says that what it shows has changed.
(() => {
  "use strict";
  const self = document.currentScript;
  if (!self || window.dovetailLive || isInside()) {
    return;
  }
  window.dovetailLive = true;
  const address = new URL(self.src);
  let seen = address.searchParams.get("at");
  let stream = null;
  let timer = 0;

  // The page around this one is loaded anew with all its frames.
  function isInside() {
    try {
      return window.parent !== window && Boolean(window.parent.dovetailLive);
    } catch {
      return false; // of another origin
    }
  }

  // A page that an old cache brings back would otherwise be loaded for ever.
  function isNew(moment) {
    const mark = `${location.href} ${moment}`;
    try {
      if (sessionStorage.getItem("dovetail-live") === mark) {
        return false;
      }
      sessionStorage.setItem("dovetail-live", mark);
    } catch {
      // Storage is forbidden here.
    }
    return true;
  }

  function swap(name) {
    const links = [...document.querySelectorAll('link[rel~="stylesheet"][href]')].filter((link) => {
      const url = new URL(link.href, document.baseURI);
      const file = url.pathname.split("/").pop();
      return url.origin === location.origin && decode(file) === name && !link.dataset.dovetailOld;
    });
    for (const link of links) {
      const url = new URL(link.href, document.baseURI);
      url.searchParams.set("dovetail", seen);
      const fresh = link.cloneNode();
      fresh.href = url.href;
      link.dataset.dovetailOld = "1";
      // The old one stays until the new one is there, so that the page does not flicker.
      fresh.addEventListener("load", () => link.remove());
      fresh.addEventListener("error", () => link.remove());
      link.after(fresh);
    }
    return links.length > 0;
  }

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  function reload(moment) {
    close();
    if (isNew(moment)) {
      location.reload();
    }
  }

  function open() {
    clearTimeout(timer);
    // Browsers open few connections to one host: a page that nobody sees takes none of them.
    if (stream || document.visibilityState === "hidden") {
      return;
    }
    const url = new URL(address.pathname.replace(/live\.js$/, "live"), address);
    url.searchParams.set("at", seen);
    stream = new EventSource(url);
    stream.addEventListener("message", (event) => {
      seen = event.lastEventId;
    });
    stream.addEventListener("page", (event) => reload(event.lastEventId));
    stream.addEventListener("sheet", (event) => {
      seen = event.lastEventId;
      if (!swap(JSON.parse(event.data))) {
        reload(seen);
      }
    });
    stream.addEventListener("error", () => {
      // It tries again by itself, unless it has got an answer that it does not understand.
      if (stream && stream.readyState === EventSource.CLOSED) {
        close();
        timer = setTimeout(open, 1000);
      }
    });
  }

  function close() {
    clearTimeout(timer);
    if (stream) {
      stream.close();
      stream = null;
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      close();
    } else {
      open();
    }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => {
    if (event.persisted) {
      open();
    }
  });
  open();
})();
