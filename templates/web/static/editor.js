// What all pages of the room share: nothing typed is lost by leaving, and no form is sent twice.
(() => {
  "use strict";
  let typed = false;
  document.addEventListener("input", (event) => {
    if (event.target.closest("form[method=post]")) typed = true;
  });
  document.addEventListener("submit", (event) => {
    if (event.target.target || event.submitter?.formTarget) return;
    typed = false;
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 2000);
  });
  window.addEventListener("beforeunload", (event) => { if (typed) event.preventDefault(); });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
