/* dashboard.js: the first page: takes files, shows each drop as a batch, and goes to the review list when all is done. */
import { listRecords } from "./api.js";
import { BatchView } from "./batch.js";
import { $, el, setText } from "./dom.js";
import { filesOfDrop } from "./upload.js";
import { watchWorkers } from "./workers.js";
import { count } from "./words.js";

const PAUSE_S = 4;          /* between "done" and the review list: long enough to read it, or to stay */
const REMEMBERED = "sheaf.batches";

const views = [];
let countdown = 0;
let saving = 0;

const active = () => views.some((view) => view.active);
const lookForWorkers = watchWorkers($("#workers"), active);

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(REMEMBERED) ?? "{}");
  } catch {
    return {};
  }
}

/* Files by batch, so that a reload still names what was refused or not sent; not on each percent of an upload. */
function remember() {
  clearTimeout(saving);
  saving = setTimeout(rememberNow, 300);
}

function rememberNow() {
  clearTimeout(saving);
  const batches = Object.fromEntries(views.filter((view) => view.id && !view.gone).map((view) => [view.id, view.remember()]));
  try {
    sessionStorage.setItem(REMEMBERED, JSON.stringify(batches));
  } catch {
    /* Full or forbidden: then a reload shows what the server knows. */
  }
}

function inAddress(view) {
  const url = new URL(location.href);
  if (!view.id || url.searchParams.get("batch") === view.id) return;
  url.searchParams.set("batch", view.id);
  history.replaceState(null, "", url);
}

function addView() {
  const view = new BatchView({
    onChange: (changed) => {
      if (changed === views[0] && !changed.gone) inAddress(changed);
      remember();
    },
    onDone: leaveWhenDone,
  });
  views.unshift(view);
  $("#batches").prepend(view.node);
  $("#drop").classList.add("compact");
  return view;
}

function take(files) {
  if (files.length === 0) return;
  stay();
  addView().send(files);
  lookForWorkers();
}

function stay() {
  clearInterval(countdown);
  countdown = 0;
  $("#leaving")?.remove();
}

/* Goes to the review list, but never away from something that failed or is still on its way. */
function leaveWhenDone(view, { failed, completed }) {
  showWaiting();
  if (failed > 0 || !completed || active() || views.some((other) => other.rows.some((row) => row.failed))) return;
  stay();
  let left = PAUSE_S;
  const text = el("span", { role: "timer" });
  const say = () => setText(text, `The review list opens in ${left} s.`);
  say();
  view.result.append(el("p", { id: "leaving", class: "leaving" }, text, " ",
    el("button", { class: "button small", type: "button", onclick: stay }, "Stay here")));
  countdown = setInterval(() => {
    left -= 1;
    if (left > 0) return say();
    stay();
    location.assign(view.reviewUrl);
  }, 1000);
}

/* The quiet line under the drop area. */
async function showWaiting() {
  const line = $("#waiting");
  try {
    const { groups = [] } = await listRecords({ mode: "needs_review", limit: 1 });
    const n = groups.reduce((sum, group) => sum + group.needs_review, 0);
    line.replaceChildren(el("a", { href: "/review?mode=needs_review" }, `${count(n, "record")} ${n === 1 ? "needs" : "need"} a look`));
    line.hidden = n === 0;
  } catch {
    line.hidden = true;
  }
}

/* Files can be dropped anywhere on the page; a drop beside the target would otherwise open the file. */
function takeDrops() {
  const veil = $("#veil");
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    veil.hidden = false;
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth -= 1;
    if (depth <= 0) veil.hidden = true;
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    take(await filesOfDrop(event.dataTransfer));
  });
}

function start() {
  const input = $("#files");
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; /* so that the same file can be chosen again */
    take(files);
  });
  $("#drop").addEventListener("submit", (event) => event.preventDefault());
  takeDrops();
  addEventListener("beforeunload", (event) => {
    rememberNow();
    if (views.some((view) => view.sending)) event.preventDefault();
  });
  const remembered = recall();
  const batch = new URLSearchParams(location.search).get("batch") ?? Object.keys(remembered)[0];
  /* The latest stands on top; of the others, those of which something is still to come, or to be seen. */
  const others = Object.keys(remembered).filter((id) => id !== batch && remembered[id].some(({ settled }) => !settled));
  for (const id of [...others.reverse(), ...(batch ? [batch] : [])]) addView().resume(id, remembered[id]);
  showWaiting();
}

start();
