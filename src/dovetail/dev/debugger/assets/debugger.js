"use strict";
(() => {
  document.documentElement.classList.add("scripted");

  const parts = document.getElementById("console-parts");
  const dialog = document.getElementById("pin");
  const history = [];
  let trusted = parts !== null && parts.dataset.trusted === "yes";

  // --- what the page asks of the server

  const ask = async (command) => {
    const fields = new URLSearchParams({ __debugger__: "yes", s: parts.dataset.secret, ...command });
    // Only what reads the address decides that this is for the debugger; the rest is in the content,
    // which no log has.
    const answer = await fetch(`${location.pathname}?__debugger__=yes`, {
      method: "POST", body: fields, credentials: "same-origin", cache: "no-store", redirect: "error",
    });
    return { ok: answer.ok, status: answer.status, type: answer.headers.get("Content-Type") || "", text: await answer.text() };
  };

  // --- the PIN

  let resolvePin = null;

  const askPin = () => {
    if (trusted) return Promise.resolve(true);
    const text = document.getElementById("pin-text");
    const wrong = document.getElementById("pin-wrong");
    const opener = document.activeElement;
    text.value = "";
    wrong.textContent = "";
    document.getElementById("pin-said").textContent = "";
    dialog.showModal();
    text.focus();
    return new Promise((resolve) => {
      resolvePin = (given) => {
        resolvePin = null;
        if (dialog.open) dialog.close();
        if (opener && opener.isConnected) opener.focus();
        resolve(given);
      };
    });
  };

  const sendPin = async () => {
    const text = document.getElementById("pin-text");
    const wrong = document.getElementById("pin-wrong");
    const buttons = dialog.querySelectorAll("[type=submit], #pin-print");
    for (const button of buttons) button.disabled = true;
    wrong.textContent = "";
    try {
      const answer = await ask({ cmd: "pinauth", pin: text.value.trim() });
      if (!answer.ok) throw new Error(`The server answered with status ${answer.status}.`);
      const { auth, exhausted } = JSON.parse(answer.text);
      if (auth) {
        trusted = true;
        if (resolvePin) resolvePin(true);
        return;
      }
      wrong.textContent = exhausted
        ? "Too many wrong PINs. Restart the server to try again."
        : "This is not the PIN.";
      text.disabled = exhausted;
      if (exhausted) {
        document.getElementById("pin-cancel").focus();
        return;
      }
    } catch (error) {
      wrong.textContent = error instanceof SyntaxError
        ? "The server did not answer as a debugger. Is it another one now? Load this page again."
        : `The PIN could not be sent. ${error.message}`;
    } finally {
      const locked = text.disabled;
      for (const button of buttons) button.disabled = locked;
    }
    text.focus();
    text.select();
  };

  if (dialog) {
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      sendPin();
    });
    dialog.addEventListener("close", () => { if (resolvePin) resolvePin(false); });
    document.getElementById("pin-cancel").addEventListener("click", () => dialog.close());
    document.getElementById("pin-print").addEventListener("click", async () => {
      const said = document.getElementById("pin-said");
      said.textContent = "";
      const printed = await ask({ cmd: "printpin" }).then((answer) => answer.ok, () => false);
      said.textContent = printed
        ? "The PIN is in the server’s terminal once more." : "The server could not be asked for it.";
    });
  }

  // --- values that are longer than what is shown of them at first

  const foldLong = (root) => {
    for (const rest of root.querySelectorAll(".extended:not([data-folded])")) {
      rest.dataset.folded = "";
      const more = document.createElement("button");
      more.type = "button";
      more.className = "more";
      more.textContent = "…";
      more.setAttribute("aria-label", "Show the rest");
      more.addEventListener("click", () => {
        rest.classList.add("shown");
        rest.tabIndex = -1;
        rest.focus();
        more.remove();
      });
      rest.before(more);
    }
  };

  // --- consoles

  const fit = (text) => { text.rows = Math.min(12, text.value.split("\n").length); };

  const replace = (text, value) => {
    text.value = value;
    text.setSelectionRange(value.length, value.length);
    fit(text);
  };

  const number = (frame) => frame.id.slice("frame-".length);

  const show = (frame, output, html, failed) => {
    const answer = document.createElement("div");
    answer.className = failed ? "answer failed" : "answer";
    if (failed) answer.textContent = html;
    else answer.innerHTML = html;
    foldLong(answer);
    for (const notice of answer.querySelectorAll("[data-running]")) notice.append(" ", stopButton(frame, output));
    output.append(answer);
    output.scrollTop = output.scrollHeight;
  };

  const stopButton = (frame, output) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "stop";
    button.textContent = "Stop";
    button.addEventListener("click", async () => {
      button.disabled = true;
      const answer = await ask({ cmd: "", stop: "yes", frm: number(frame) }).catch(() => ({ ok: false }));
      if (!answer.ok) show(frame, output, "It could not be told to stop.", true);
      else if (answer.text) show(frame, output, answer.text, false);
    });
    return button;
  };

  // What runs for longer than a moment says so, and can be stopped.
  const waiting = (frame, code, output) => {
    const note = document.createElement("div");
    const timer = setTimeout(() => {
      note.className = "waiting";
      note.textContent = `>>> ${code}\nIt is running. `;
      note.append(stopButton(frame, output));
      output.append(note);
      output.scrollTop = output.scrollHeight;
    }, 500);
    return () => { clearTimeout(timer); note.remove(); };
  };

  const run = async (frame, code, output) => {
    // A statement over several lines ends with an empty one, as at Python's own prompt.
    const cmd = code.includes("\n") ? `${code}\n` : code;
    const command = { cmd, frm: number(frame) };
    const answered = waiting(frame, code, output);
    let answer = await ask(command).finally(answered);
    if (answer.status === 401 || answer.status === 403) {
      trusted = false;
      if (!(await askPin())) return show(frame, output, "Not run: this needs the PIN.", true);
      answer = await ask(command);
    }
    if (answer.ok) return show(frame, output, answer.text, false);
    const plain = answer.type.startsWith("text/plain") ? ` ${answer.text}` : "";
    show(frame, output, `Not run: the server answered with status ${answer.status}.${plain}`, true);
  };

  // Behind a line that needs more, and in a block, Enter begins the next line; twice, it runs.
  const continuation = (text) => {
    if (text.selectionStart !== text.value.length || history.includes(text.value)) return null;
    const line = text.value.slice(text.value.lastIndexOf("\n") + 1);
    const indent = line.match(/^\s*/)[0];
    if (/[:([{\\]\s*(#.*)?$/.test(line)) return `${indent}    `;
    return indent && line.trim() ? indent : null;
  };

  const recall = (text, event, position) => {
    const up = event.key === "ArrowUp";
    const beyond = up ? text.value.slice(0, text.selectionStart) : text.value.slice(text.selectionEnd);
    // Inside of several lines the arrows move between these.
    if (beyond.includes("\n") || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return position;
    const next = position + (up ? -1 : 1);
    if (next < 0 || next > history.length) return position;
    event.preventDefault();
    replace(text, history[next] ?? "");
    return next;
  };

  const makeConsole = (frame) => {
    const made = parts.content.firstElementChild.cloneNode(true);
    const name = frame.dataset.console || frame.querySelector(".name").textContent;
    const output = made.querySelector(".output");
    const form = made.querySelector("form");
    const text = made.querySelector("textarea");
    output.setAttribute("aria-label", `Output of the console in ${name}`);
    text.setAttribute("aria-label", `Code to run in ${name}`);
    let position = history.length;
    let busy = false;
    text.addEventListener("input", () => fit(text));
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        const indent = continuation(text);
        if (indent === null) form.requestSubmit();
        else replace(text, `${text.value}\n${indent}`);
      } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        position = recall(text, event, position);
      }
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      const code = text.value.trimEnd();
      if (code.trim() && history.at(-1) !== code) history.push(code);
      position = history.length;
      replace(text, "");
      try {
        await run(frame, code, output);
      } catch (error) {
        replace(text, code);
        show(frame, output, `Not run: the server cannot be reached. ${error.message}`, true);
      } finally {
        busy = false;
        position = history.length;
      }
      text.focus();
    });
    frame.append(made);
    return text;
  };

  const openConsole = async (frame, button) => {
    const there = frame.querySelector(".console");
    if (there) {
      there.hidden = !there.hidden;
      button.setAttribute("aria-expanded", String(!there.hidden));
      if (!there.hidden) there.querySelector("textarea").focus();
      return;
    }
    if (!(await askPin())) return;
    const text = makeConsole(frame);
    button.setAttribute("aria-expanded", "true");
    text.focus();
  };

  // --- copying

  const said = document.getElementById("said");

  const copy = async (text, button) => {
    const done = await copyText(text);
    said.textContent = done ? "Copied." : "The browser does not let this page copy.";
    if (!done) return;
    const words = button.textContent;
    if (words === "Copied") return;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = words; }, 1500);
  };

  // --- the tools of each frame

  const addButton = (tools, words, name, action) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.setAttribute("aria-label", `${words} ${name}`);
    button.addEventListener("click", () => action(button));
    tools.append(button);
    return button;
  };

  // Away from the failure two lines before and after the current one will do at first.
  const abridge = (frame, tools, name) => {
    if (frame.classList.contains("nearest-frame")) return;
    const lines = [...frame.querySelectorAll(".source .line")];
    const current = lines.findIndex((line) => line.classList.contains("current"));
    const far = lines.filter((_, index) => Math.abs(index - current) > 2);
    if (current < 0 || !far.length) return;
    for (const line of far) line.classList.add("far");
    frame.classList.add("brief");
    const button = addButton(tools, "More lines", `of ${name}`, () => {
      const brief = frame.classList.toggle("brief");
      button.setAttribute("aria-expanded", String(!brief));
    });
    button.setAttribute("aria-expanded", "false");
  };

  const TOKEN = /(#.*)|([rbfuRBFU]{0,2}(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))|\b(and|as|assert|async|await|break|class|continue|def|del|elif|else|except|False|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|try|while|with|yield)\b|\b(\d[\w.]*)\b/g;
  const KINDS = ["tok-c", "tok-s", "tok-k", "tok-n"];

  const colour = (frame) => {
    const walker = document.createTreeWalker(frame, NodeFilter.SHOW_TEXT, (node) =>
      node.parentElement.closest(".source code") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP);
    const nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const node of nodes) {
      const pieces = [];
      let end = 0;
      for (const match of node.data.matchAll(TOKEN)) {
        const piece = document.createElement("span");
        piece.className = KINDS[match.slice(1).findIndex((group) => group !== undefined)];
        piece.textContent = match[0];
        pieces.push(node.data.slice(end, match.index), piece);
        end = match.index + match[0].length;
      }
      if (pieces.length) node.replaceWith(...pieces, node.data.slice(end));
    }
  };

  const equip = (frame) => {
    if (frame.querySelector(":scope > .head")) return;
    const name = frame.querySelector(".name").textContent;
    const place = frame.querySelector(".place code").textContent;
    const tools = document.createElement("div");
    tools.className = "tools";
    if (parts) {
      const button = addButton(tools, "Console", `in ${name}`, (pressed) => openConsole(frame, pressed));
      button.setAttribute("aria-expanded", "false");
    }
    abridge(frame, tools, name);
    addButton(tools, "Copy place", `of ${name}`, (button) => copy(place, button));
    const head = document.createElement("div");
    head.className = "head";
    frame.prepend(head);
    head.append(frame.querySelector(":scope > .place"), tools);
    if (place.includes(".py:")) colour(frame);
  };

  const equipAll = (root) => {
    for (const frame of root.querySelectorAll("li.frame")) {
      // A thousand folded frames get their buttons when they are seen.
      const fold = frame.parentElement.closest("details:not([open])");
      if (!fold) equip(frame);
    }
    foldLong(root);
  };

  document.addEventListener("toggle", (event) => { if (event.target.open) equipAll(event.target); }, true);
  equipAll(document);

  // An address may lead into what is folded.
  const unfold = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();

  const whole = document.getElementById("copy-text");
  if (whole) {
    whole.addEventListener("click", () => copy(document.querySelector("#text pre").textContent, whole));
  }

  // --- the page of a console alone

  const alone = document.querySelector("[data-console]");
  if (alone) {
    const words = "Open the console";
    const opening = async (button) => {
      await openConsole(alone, button);
      if (alone.querySelector(".console")) button.remove();
    };
    opening(addButton(alone, words, "", opening));
  }
})();
