document.documentElement.classList.add("scripted");
(() => {
  const form = document.getElementById("replay");
  const progress = document.getElementById("progress");
  const copy = document.getElementById("copy");

  async function askFor(after) {
    const about = form.dataset.id;
    const answer = await fetch(`${form.dataset.url}?after=${after}&about=${about}`, { cache: "no-store" });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    return answer.json();
  }

  // The replay is answered when this server has a thread for it, or is there again.
  async function waitFor(after, notes) {
    const end = Date.now() + 60000;
    while (Date.now() < end) {
      const found = await askFor(after).catch(() => null);
      const replay = found && found.requests.find((line) => String(line.origin) === form.dataset.id);
      if (replay) return replay;
      if (found && found.about.length > notes) throw new Error(found.about[found.about.length - 1]);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error("The replay was sent, but is not answered yet. It will be in the list.");
  }

  async function replay() {
    const notes = (await askFor(0)).about.length;
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "application/json" },
    });
    const json = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    if (!json) throw new Error((await answer.text()).trim());
    const { problem, last } = await answer.json();
    if (problem) throw new Error(problem);
    progress.textContent = "Sent; waiting for the answer …";
    const found = await waitFor(last, notes);
    location.assign(found.url);
  }

  if (form) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      if (button.getAttribute("aria-disabled")) return;
      button.setAttribute("aria-disabled", "true");
      try {
        await replay();
      } catch (error) {
        progress.textContent = error.message;
      } finally {
        button.removeAttribute("aria-disabled");
      }
    });
  }

  copy.addEventListener("click", async () => {
    const command = document.getElementById("curl");
    const done = await copyText(command.textContent);
    // Where it is not allowed it is selected, so that one key copies it.
    if (!done) getSelection().selectAllChildren(command);
    document.getElementById("copied").textContent = done ? "Copied." : "Selected: press Ctrl+C.";
  });
})();
