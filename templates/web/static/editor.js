// What all pages of the room share: nothing typed is lost, no form is sent twice, and a page comes back where it was left.
//
// A form with data-keep is kept in this browser while it is typed in, until its page comes back saying that it was
// stored ("said" in the address). Opened again before that, after a lost session or a crash, the page has it all in its
// fields, together with what the page noted then, so that what others did meanwhile is still found out. It is for who
// typed it alone: somebody else may sign in in the same browser.
(() => {
  "use strict";
  // An answer to what was posted stands at the address of its page, so that going back or loading it again posts nothing.
  if (document.body.dataset.address) history.replaceState(null, "", document.body.dataset.address);
  const LIFE = 14 * 24 * 3600 * 1000;
  const PREFIX = "typed: ";
  const store = (() => { try { return window.localStorage; } catch { return null; } })();
  const key = (form) => `${PREFIX}${document.body.dataset.who} ${form.dataset.keep}`;
  const own = (field) => field.name && field.name !== "csrf" && !["submit", "button"].includes(field.type);
  const valueOf = (field) => (["radio", "checkbox"].includes(field.type) ? field.checked : field.value);
  const isLook = (field) => !!field.closest(".look");
  const fieldsOf = (form) => [...form.elements].filter((field) => own(field) && !isLook(field));
  const named = (field) => (field.type === "radio" ? `${field.name}=${field.value}` : field.name);

  const keep = (form, sent = false) => {
    const fields = Object.fromEntries(fieldsOf(form).map((field) => [named(field), valueOf(field)]));
    try { store?.setItem(key(form), JSON.stringify({ at: Date.now(), sent, fields })); } catch { /* it is full */ }
  };
  const keptOf = (form) => {
    try { return JSON.parse(store?.getItem(key(form)) ?? "null"); } catch { return null; }
  };
  const forget = (form) => store?.removeItem(key(form));

  const restore = (form) => {
    const kept = keptOf(form);
    if (!kept) return;
    const stored = kept.sent && new URLSearchParams(location.search).has("said");
    if (stored || Date.now() - kept.at > LIFE) { forget(form); return; }
    const untouched = (name) => {  // what was only proposed then follows the page
      const word = name.replace("_was", "");
      const was = word.startsWith("note-") ? word.replace("note-", "note_was-") : `${word}_was`;
      return was in kept.fields && kept.fields[word] === kept.fields[was];
    };
    const differing = fieldsOf(form).filter((field) => {
      const then = kept.fields[named(field)];
      return then !== undefined && then !== valueOf(field) && !field.readOnly && !field.disabled && !untouched(named(field));
    });
    if (!differing.some((field) => field.type !== "hidden")) { forget(form); return; }
    for (const field of differing) {
      if (["radio", "checkbox"].includes(field.type)) field.checked = kept.fields[named(field)];
      else field.value = kept.fields[named(field)];
      field.closest("details")?.setAttribute("open", "");
    }
    const told = document.createElement("p");
    told.className = "trouble";
    told.textContent = "What you typed here before was not stored. It is in the fields again. ";
    const away = document.createElement("button");
    away.type = "button";
    away.className = "quiet";
    away.textContent = "Forget it";
    away.addEventListener("click", () => { forget(form); location.reload(); });
    told.append(away);
    document.getElementById("said").append(told);
    document.addEventListener("DOMContentLoaded", () => {  // when those who listen are there
      for (const field of differing) field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  };

  for (const form of document.querySelectorAll("form[data-keep]")) {
    if ("typed" in form.dataset) keep(form);
    else restore(form);
    let waiting = 0;
    form.addEventListener("input", (event) => {
      if (isLook(event.target)) return;
      clearTimeout(waiting);
      waiting = setTimeout(() => keep(form), 150);
    });
    form.addEventListener("submit", () => { clearTimeout(waiting); if (keptOf(form) || waiting) keep(form, true); });
  }
  // A part of the page that asks again and again says once that the session ended, and nothing more once it goes on.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const said = document.querySelector(".signed-out");
    const { xhr } = event.detail;
    if (xhr.status === 401) event.detail.shouldSwap = !said || !xhr.responseText.includes(said.firstChild.data);
    else if (event.detail.shouldSwap) said?.remove();
  });
  document.addEventListener("click", (event) => {
    const from = event.target.closest("[data-forget]");
    if (from) forget(document.getElementById(from.dataset.forget));
  });
  // Whoever works by keyboard goes on from the field or button that they were at, not from the top of the new page.
  // A button is known by where it posts to: those of other rows have the same words.
  const nameOf = (button) => `${button.getAttribute("formaction") ?? button.form?.action} ${button.textContent}`;
  const whereabouts = () => {
    const here = document.activeElement;
    if (!here?.matches(":focus-visible")) return "";
    return here.id ? `#${here.id}` : here.tagName === "BUTTON" ? nameOf(here) : "";
  };
  const goBackTo = (place) => {
    const there = place.startsWith("#") ? document.getElementById(place.slice(1))
      : [...document.querySelectorAll("main button")].find((button) => nameOf(button) === place);
    there?.focus({ preventScroll: true });
  };
  // What was done is said at the top; where the page comes back further down, at the lower edge until one goes on.
  const keepInSight = (said) => {
    if (!said || said.getBoundingClientRect().bottom > 0) return;
    said.classList.add("afloat");
    setTimeout(() => {
      for (const name of ["scroll", "keydown", "pointerdown"]) window.addEventListener(name, () => said.remove(), { once: true });
    }, 300);  // the page's own scrolling is over
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.action.includes("/editor/sign-out")) {
      for (const name of Object.keys(store ?? {})) if (name.startsWith(PREFIX)) store.removeItem(name);
    }
    if (form.dataset.sent) { event.preventDefault(); return; }
    try { sessionStorage.setItem("left", JSON.stringify([location.pathname, window.scrollY, whereabouts()])); } catch { /* no matter */ }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 2000);
  });
  const address = new URL(location.href);
  if (address.searchParams.has("said")) {
    const [path, y, place] = JSON.parse(sessionStorage.getItem("left") ?? "[]");
    const at = address.hash && document.getElementById(address.hash.slice(1));
    address.searchParams.delete("said");  // loaded again, the page does not say again what was done once
    address.hash = "";
    history.replaceState(null, "", address);
    if (path === address.pathname) window.scrollTo(0, y);
    if (at) {
      if (at.tabIndex < 0) at.tabIndex = -1;
      at.focus({ preventScroll: true });
      at.scrollIntoView({ block: "nearest" });
    } else if (place && path === address.pathname) goBackTo(place);
    keepInSight(document.querySelector(".said"));
    if (at) at.scrollIntoView({ block: "nearest" });  // what floats has left its place above it
  }
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
