// The page: a live preview, meters, dragging. Everything it does can be done without it.
(() => {
  "use strict";
  const form = document.getElementById("issue-form");
  const look = document.getElementById("preview-form");
  const frame = document.getElementById("preview");
  if (!form || !look || !frame) return;

  // Preview: post what is typed into the frame; the answer is a page of its own with its own policy.
  const poster = document.createElement("form");
  poster.method = "post";
  poster.target = "preview";
  poster.action = form.dataset.preview;
  poster.hidden = true;
  document.body.append(poster);
  const showPreview = () => {
    poster.replaceChildren();
    const add = (name, value) => {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = value;
      poster.append(field);
    };
    for (const name of ["csrf", "subject", "preheader", "intro"]) add(name, form.elements[name].value);
    for (const [name, value] of new FormData(look)) add(name, value);
    frame.dataset.width = look.elements.width.value;
    frame.dataset.shade = look.elements.shade.value;
    poster.submit();
  };
  let waiting = 0;
  const soon = (delay) => { clearTimeout(waiting); waiting = setTimeout(showPreview, delay); };
  form.addEventListener("input", (event) => {
    if (["subject", "preheader", "intro"].includes(event.target.name)) soon(350);
  });
  look.addEventListener("change", () => soon(0));
  look.addEventListener("input", (event) => { if (event.target.name === "as") soon(500); });
  look.addEventListener("submit", (event) => { event.preventDefault(); soon(0); });
  document.getElementById("show-preview").hidden = true;

  for (const field of form.querySelectorAll("[data-meter]")) {
    const [least, most] = field.dataset.meter.split("-").map(Number);
    const meter = document.getElementById(field.getAttribute("aria-describedby"));
    const rest = meter.textContent.replace(/^\d+/, "");
    const measure = () => {
      const length = [...field.value].length;
      meter.textContent = length + rest;
      meter.classList.toggle("over", length > most || (length > 0 && length < least && field.name === "preheader"));
    };
    field.addEventListener("input", measure);
    measure();
  }

  // Order: Alt with an arrow moves the focused item; dragging sends the whole order.
  const list = document.getElementById("items");
  const hint = document.querySelector(".keys");
  if (!list || !list.querySelector("button:not(:disabled)")) return;
  hint.hidden = false;
  list.addEventListener("keydown", (event) => {
    const item = event.target.closest(".item");
    if (!item || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const which = event.key === "ArrowUp" ? "/up" : "/down";
    item.querySelector(`button[formaction$="${which}"]`).click();
  });
  let dragged = null;
  for (const item of list.querySelectorAll(".item")) {
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
      for (const other of list.children) other.classList.remove("over");
      dragged = null;
    });
    item.addEventListener("dragover", (event) => {
      if (!dragged) return;
      event.preventDefault();
      for (const other of list.children) other.classList.toggle("over", other === item && item !== dragged);
    });
    item.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!dragged || dragged === item) return;
      const below = dragged.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING;
      item[below ? "after" : "before"](dragged);
      const order = document.createElement("input");
      order.type = "hidden";
      order.name = "order";
      order.value = [...list.children].map((one) => one.dataset.id).join(",");
      const send = document.createElement("button");
      send.formAction = form.dataset.order;
      send.hidden = true;
      form.append(order, send);
      send.click();
    });
  }
  if (location.hash.startsWith("#item-")) document.querySelector(location.hash)?.focus({ preventScroll: false });
})();
