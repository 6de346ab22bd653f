// The queue by keyboard: letters press the buttons that stand in the release which has the focus.
(() => {
  "use strict";
  const all = [...document.querySelectorAll(".release")];
  const hint = document.querySelector(".keys");
  if (hint) hint.hidden = false;
  const current = () => document.activeElement?.closest?.(".release") ?? all[0];
  const go = (step) => {
    const here = all.indexOf(document.activeElement?.closest?.(".release"));
    all[Math.min(Math.max(here + step, 0), all.length - 1)]?.focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select")) {
      if (event.key === "Escape") event.target.closest(".release")?.focus();
      return;
    }
    const key = event.key.toLowerCase();
    if (key === "j") go(1);
    else if (key === "k") go(-1);
    else if (key === "u") document.querySelector('[data-key="u"]')?.click();
    else if (/^[1-9mnda]$/.test(key)) {
      const target = current()?.querySelector(`[data-key="${key}"]`);
      if (!target) return;
      if (target.tagName === "DETAILS") { target.open = true; target.querySelector("input:not([type=hidden])").focus(); }
      else if (target.type === "text") target.focus();
      else target.click();
    } else return;
    event.preventDefault();
  });
  const first = location.hash ? document.querySelector(location.hash) : all[0];
  if (first && document.activeElement === document.body) first.focus({ preventScroll: !location.hash });
})();
