"use strict";
document.documentElement.classList.add("scripted");
(() => {
  const table = document.getElementById("requests");
  const body = table.tBodies[0];
  const blank = document.getElementById("row").content.querySelector("tr");
  const words = document.getElementById("words");
  const errors = document.getElementById("errors");
  const slowest = document.getElementById("slowest");
  const said = document.getElementById("said");
  const refresh = document.getElementById("refresh");
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const trouble = document.getElementById("trouble");
  const known = new Map();
  const most = 100;
  let last = 0;
  let asking = false;
  let failures = 0;

  // What the page came with may be filtered, so all is asked for once.
  for (const row of body.rows) known.set(Number(row.dataset.id), row);

  const setText = (row, selector, text) => {
    for (const element of row.querySelectorAll(selector)) element.textContent = text;
  };

  function drawBar(svg, line) {
    const name = (phase) => "p-" + phase.name.replaceAll(" ", "-");
    svg.setAttribute("aria-label", line.summary);
    for (const phase of line.phases) {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      rect.setAttribute("class", name(phase));
      rect.setAttribute("x", phase.x);
      rect.setAttribute("y", 0);
      rect.setAttribute("width", phase.width);
      rect.setAttribute("height", 1);
      svg.append(rect);
    }
  }

  function makeRow(line) {
    const row = document.importNode(blank, true);
    row.dataset.id = line.id;
    row.classList.toggle("error", line.error);
    setText(row, ".number", `#${line.id}`);
    const time = row.querySelector("time");
    time.textContent = line.time;
    time.dateTime = time.title = line.moment;
    setText(row, ".c-method", line.method);
    const link = row.querySelector(".c-path a");
    link.href = line.url;
    link.textContent = line.target;
    setText(row, ".origin", line.origin ? `replayed from #${line.origin}` : "");
    setText(row, ".failure", line.failure);
    setText(row, ".c-route", line.route);
    setText(row, ".status", line.status || "—");
    setText(row, ".reason", line.reason);
    const page = row.querySelector(".debugger");
    page.hidden = !line.error_page;
    if (line.error_page) page.href = line.error_page;
    setText(row, ".took", line.took);
    setText(row, ".slowest", line.slowest);
    drawBar(row.querySelector("svg"), line);
    return row;
  }

  function describe(row, line) {
    row.sought = `${line.method} ${line.target} ${line.route} ${line.status} ${line.failure} ${line.error_page}`.toLowerCase();
    row.failed = line.error;
    row.duration = line.duration;
  }

  // Only rows that are not in their place are moved: focus and selection stay where they are.
  function arrange() {
    const order = slowest.checked
      ? (a, b) => (b.duration ?? 0) - (a.duration ?? 0) || b.dataset.id - a.dataset.id
      : (a, b) => b.dataset.id - a.dataset.id;
    const focused = document.activeElement;
    [...known.values()].sort(order).forEach((row, index) => {
      if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] || null);
    });
    if (document.activeElement !== focused) focused.focus({ preventScroll: true });
  }

  function take(answer) {
    // The server was stopped and started, and counts anew.
    if (answer.run !== table.dataset.run) return location.reload();
    for (const line of answer.requests.reverse()) {
      let row = known.get(line.id);
      if (!row) {
        row = makeRow(line);
        known.set(line.id, row);
      }
      describe(row, line);
      last = Math.max(last, line.id);
    }
    for (const [id, row] of known) {
      if (id < answer.oldest || id <= last - most) {
        row.remove();
        known.delete(id);
      }
    }
    const shown = [...document.querySelectorAll(".note")].map((note) => note.textContent);
    for (const text of answer.notes) {
      if (shown.includes(text)) continue;
      const note = document.createElement("p");
      note.className = "notice note";
      note.textContent = text;
      document.querySelector("main").prepend(note);
    }
    arrange();
    filter();
  }

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    let widest = 0;
    for (const row of known.values()) {
      if (row.sought === undefined) continue;
      row.hidden = (errors.checked && !row.failed) || !wanted.every((word) => row.sought.includes(word));
      if (row.hidden) continue;
      visible += 1;
      widest = Math.max(widest, row.duration);
    }
    for (const svg of body.querySelectorAll("svg")) svg.setAttribute("viewBox", `0 0 ${widest || 1} 1`);
    const total = known.size;
    const text = visible === total
      ? `${total} ${total === 1 ? "request" : "requests"}` : `${visible} of ${total} requests`;
    if (count.textContent !== text) count.textContent = text;
    none.hidden = visible > 0;
    none.textContent = total
      ? "No request is like that." : "No request yet: open a page of the application.";
  }

  async function ask() {
    if (asking || document.hidden || !refresh.checked) return;
    asking = true;
    try {
      const answer = await fetch(`${table.dataset.url}?after=${last}`, { cache: "no-store" });
      if (!answer.ok) throw new Error((await answer.text()).trim());
      take(await answer.json());
      failures = 0;
      trouble.hidden = true;
    } catch (error) {
      failures += 1;
      // A server that is being reloaded is there again in a moment.
      if (failures < 3) return;
      const text = `The list is not up to date: ${error.message}`;
      if (trouble.hidden || trouble.textContent !== text) trouble.textContent = text;
      trouble.hidden = false;
    } finally {
      asking = false;
    }
  }

  document.getElementById("apply").hidden = true;
  document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());

  // The filter is in the address: going back leads to the same list, and it can be kept.
  function choose() {
    const query = new URLSearchParams();
    if (words.value.trim()) query.set("q", words.value);
    if (errors.checked) query.set("errors", "1");
    if (slowest.checked) query.set("order", "slowest");
    window.history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
    arrange();
    filter();
    // Only what the user does is told; that requests come in would be told all the time.
    said.textContent = count.textContent;
  }

  words.addEventListener("input", choose);
  for (const box of [errors, slowest]) box.addEventListener("change", choose);
  refresh.addEventListener("change", ask);
  document.addEventListener("visibilitychange", ask);
  setInterval(ask, 1000);
  ask();
})();
