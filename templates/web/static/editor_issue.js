// The page: a live preview, meters, dragging. Everything it does can be done without it.
(() => {
  "use strict";
  const form = document.getElementById("issue-form");
  const look = document.getElementById("look");
  const frame = document.getElementById("preview");
  if (!form || !look || !frame) return;
  const by = (id) => document.getElementById(id);
  const WORDS = ["subject", "preheader", "intro"];
  const isNote = (name) => name.startsWith("note-");

  // Preview: what is typed is posted, and the answer takes the place of the document in the frame. That document keeps
  // its own policy, its place in the page's history, and how far it was scrolled.
  const theDocument = () => {
    const doc = frame.contentDocument;
    return doc && doc.readyState === "complete" && doc.URL !== "about:blank" ? doc : null;
  };
  const tellEnvelope = (doc) => {
    for (const name of ["to", "subject"]) {
      const told = doc?.querySelector(`meta[name="${name}"]`);
      if (told) by(`preview-${name}`).textContent = told.content;
    }
  };
  const replaceDocument = (doc, html) => {
    const next = new frame.contentWindow.DOMParser().parseFromString(html, "text/html");
    const root = doc.documentElement;
    for (const [now, then] of [[root, next.documentElement], [doc.body, next.body]]) {
      for (const { name } of [...now.attributes]) now.removeAttribute(name);
      for (const { name, value } of then.attributes) now.setAttribute(name, value);
    }
    doc.head.replaceChildren(...next.head.childNodes);
    doc.body.replaceChildren(...next.body.childNodes);
    tellEnvelope(doc);
  };
  const chosen = (name) => form.elements[name].value;
  let asked = null;
  const showPreview = async () => {
    asked?.abort();
    const asking = asked = new AbortController();
    frame.dataset.width = chosen("width");
    frame.dataset.shade = chosen("shade");
    frame.setAttribute("aria-busy", "true");
    const fields = new URLSearchParams();
    for (const name of ["csrf", ...WORDS, "as", "width", "shade", "part", "images"]) fields.append(name, chosen(name));
    for (const { name, value } of form.elements) if (isNote(name) && value !== chosen(name.replace("note-", "note_was-"))) fields.append(name, value);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body: fields, signal: asking.signal });
      by("preview-trouble").hidden = ![401, 403].includes(answer.status);
      const html = await answer.text();
      const doc = theDocument();
      if (answer.ok && doc) replaceDocument(doc, html);
      else if (answer.ok) frame.addEventListener("load", () => soon(0), { once: true });
    } catch {
      if (asking.signal.aborted) return;  // a newer one is under way
    }
    frame.removeAttribute("aria-busy");
  };
  let waiting = 0;
  const soon = (delay) => { clearTimeout(waiting); waiting = setTimeout(showPreview, delay); };
  frame.addEventListener("load", () => tellEnvelope(frame.contentDocument));
  form.addEventListener("input", (event) => { if (WORDS.includes(event.target.name) || isNote(event.target.name)) soon(250); });
  look.addEventListener("change", (event) => { if (event.target.type === "radio") soon(0); });
  look.addEventListener("input", (event) => { if (event.target.name === "as") soon(400); });
  by("show-preview").hidden = true;
  if ("typed" in form.dataset) soon(0);

  for (const field of form.querySelectorAll("[data-meter]")) {
    const [least, most] = field.dataset.meter.split("-").map(Number);
    const meter = by(field.getAttribute("aria-describedby"));
    const rest = meter.textContent.replace(/^\d+ characters?/, "");
    const measure = () => {
      const length = [...field.value].length;
      meter.textContent = `${length} ${length === 1 ? "character" : "characters"}${rest}`;
      meter.classList.toggle("over", length > most || (length > 0 && length < least));
    };
    field.addEventListener("input", measure);
    measure();
  }

  // Enter in a field that has a button of its own presses that one, not Save.
  for (const part of document.querySelectorAll("[data-enter]")) {
    part.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT") return;
      event.preventDefault();
      if (part.dataset.enter === "look") soon(0);
      else part.querySelector("button[formaction]").click();
    });
  }

  // Order: Alt with an arrow moves the focused item; dragging sends the whole order.
  const list = by("items");
  const items = [...list.querySelectorAll(".item")];
  const hint = document.querySelector(".keys");
  if (!hint || !items.length) return;
  hint.hidden = false;
  list.addEventListener("keydown", (event) => {
    const item = event.target.closest(".item");
    if (!item || !event.altKey || event.target.closest("input, textarea, select") || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const which = event.key === "ArrowUp" ? "/up" : "/down";
    item.querySelector(`button[formaction$="${which}"]`).click();
  });
  let dragged = null;
  for (const item of items) {
    item.tabIndex = 0;
    const handle = item.querySelector(".item-head");
    handle.draggable = true;
    handle.addEventListener("dragstart", (event) => {
      dragged = item;
      event.dataTransfer.setData("text/plain", item.dataset.id);
      event.dataTransfer.setDragImage(item, 10, 10);
      item.classList.add("dragged");
    });
    handle.addEventListener("dragend", () => {
      item.classList.remove("dragged");
      for (const other of items) other.classList.remove("over");
      dragged = null;
    });
    item.addEventListener("dragover", (event) => {
      if (!dragged) return;
      event.preventDefault();
      for (const other of items) other.classList.toggle("over", other === item && item !== dragged);
    });
    item.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!dragged || dragged === item) return;
      const below = dragged.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING;
      item[below ? "after" : "before"](dragged);
      const order = document.createElement("input");
      order.type = "hidden";
      order.name = "order";
      order.value = [...list.querySelectorAll(".item")].map((one) => one.dataset.id).join(",");
      const send = document.createElement("button");
      send.formAction = form.dataset.order;
      send.hidden = true;
      form.append(order, send);
      send.click();
    });
  }
})();
