"use strict";
// Copies a text; tells whether that was possible. The focus stays where it is.
const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP only the loopback's pages may use the clipboard; this way is open to all.
    const before = document.activeElement;
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.className = "unseen";
    document.body.append(field);
    field.select();
    let done = false;
    try {
      done = document.execCommand("copy");
    } finally {
      field.remove();
      if (before) before.focus({ preventScroll: true });
    }
    return done;
  }
};
