// The queue by keyboard: letters press the buttons of the release which has the focus, and do nothing elsewhere, since
// who speaks to a browser, or brushes a key, means no decision (WCAG 2.1.4). j and k also lead in from the bare page.
(() => {
  "use strict";
  const all = [...document.querySelectorAll(".release")];
  const hint = document.querySelector(".keys");
  if (hint) hint.hidden = false;
  const current = () => document.activeElement?.closest?.(".release");
  const go = (step) => {
    const here = all.indexOf(current());
    all[Math.min(Math.max(here + step, 0), all.length - 1)]?.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) {
      if (event.key === "Escape") event.target.closest(".release")?.focus();
      return;
    }
    const key = event.key.toLowerCase();
    const release = current();
    if (!release && (document.activeElement !== document.body || !"jk".includes(key))) return;
    if (key === "j") go(1);
    else if (key === "k") go(-1);
    else if (key === "u") document.querySelector('[data-key="u"]')?.click();
    else if (/^[1-9mnda]$/.test(key)) {
      const target = release.querySelector(`[data-key="${key}"]`);
      if (!target) return;
      if (target.tagName === "DETAILS") { target.open = true; target.querySelector("input:not([type=hidden])").focus(); }
      else if (target.type === "text") target.focus();
      else target.click();
    } else return;
    event.preventDefault();
  });
  // After a decision the next release has the focus, wherever in the list that was.
  for (const [place, release] of all.entries()) {
    release.addEventListener("submit", () => sessionStorage.setItem("next", (all[place + 1] ?? all[place - 1])?.id ?? ""));
  }
  const next = document.getElementById(sessionStorage.getItem("next") ?? "") ?? all[0];
  sessionStorage.removeItem("next");
  if (next && document.activeElement === document.body) {
    next.focus({ preventScroll: true });
    if (next !== all[0]) next.scrollIntoView({ block: "nearest" });
  }
})();
