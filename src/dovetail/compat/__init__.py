"""Maps of names for applications written for the packages that Dovetail replaces."""
