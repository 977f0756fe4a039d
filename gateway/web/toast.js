/* toast.js: a short message at the foot of the page, with at most one thing to do about it.  It is also announced. */
import { $, el, fill, setText } from "./dom.js";

const SHOWN_MS = 10_000;
let timer = 0;

export function announce(text) {
  setText($("#announce"), text);
}

/* action: { label, run } or null. */
export function toast(text, action = null) {
  const box = $("#toast");
  announce(text);
  fill(box, el("span", null, text),
    action && el("button", { class: "button small", type: "button", onclick: () => {
      hideToast();
      action.run();
    } }, action.label),
    el("button", { class: "button small quiet", type: "button", "aria-label": "Dismiss", onclick: hideToast }, "×"));
  box.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(hideUnlessUsed, SHOWN_MS);
}

/* It does not vanish under the pointer or from under the focus. */
function hideUnlessUsed() {
  if ($("#toast").matches(":hover, :focus-within")) timer = setTimeout(hideUnlessUsed, SHOWN_MS);
  else hideToast();
}

export function hideToast() {
  clearTimeout(timer);
  $("#toast").hidden = true;
}
