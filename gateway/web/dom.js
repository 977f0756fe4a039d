/* dom.js: building elements without markup.  Data only ever becomes text nodes and attributes, so a file name or a
 * student's name cannot turn into HTML. */

/* el("a", { href, class: "x", onclick: f, "aria-label": "…" }, "text", child, …).
 * null and false are left out, true is an empty attribute; on… is a listener; value, checked and indeterminate are properties. */
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/* The node's children are these now; null and false are left out. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

export const $ = (selector, root = document) => root.querySelector(selector);

/* Writes only what differs: a screen reader announces every write to a live region, and a selection survives. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/* percent null: working, but nobody knows how far. */
export function setProgress(bar, percent) {
  if (percent === null) bar.removeAttribute("value");
  else if (bar.value !== percent || !bar.hasAttribute("value")) bar.value = percent;
}

/* Asks in a modal dialog and answers true or false.  The question stands in the page's own <dialog>, which gives focus
 * handling and Escape. */
export function confirmed({ title, text, yes }) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "dialog", "aria-labelledby": "dialog-title" },
      el("form", { method: "dialog" },
        el("h2", { id: "dialog-title" }, title),
        el("p", null, text),
        el("div", { class: "actions end" },
          el("button", { class: "button", value: "no", autofocus: true }, "Cancel"),
          el("button", { class: "button danger", value: "yes" }, yes))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
