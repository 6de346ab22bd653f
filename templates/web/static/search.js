// Search as you type. Without this script the form works by its button.
"use strict";
(() => {
  const form = document.querySelector("form[data-search]");
  if (!form) return;
  let waiting = 0;
  let running = null;

  // While one types, a line that is down or a server that is away changes nothing; the button then goes where it would
  // go without this script, and the browser or the server says what is wrong.
  async function show(pressed) {
    const asked = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value && !(name === "sort" && value === "panel")) asked.set(name, value);
    const query = asked.toString();
    const address = form.action.split("?")[0] + (query && "?" + query);
    running?.abort();
    running = new AbortController();
    try {
      const answer = await fetch(address, { signal: running.signal, headers: { Accept: "text/html" } });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!found.getElementById("results")) throw new Error("no results");
      // The count stays the same element: screen readers tell of what changes in one that was there before.
      for (const part of ["count", "results"]) {
        document.getElementById(part).replaceChildren(...found.getElementById(part).childNodes);
      }
      history.replaceState(null, "", address);
    } catch (error) {
      if (pressed && error.name !== "AbortError") form.submit();
    }
  }

  form.addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(show, event.target.type === "search" ? 150 : 0);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    show(true);
  });
})();
