/* review.js: the review list: School → Grade → records, with filters from the address, pages by cursor, and a selection. */
import { deleteRecords, exportPath, getRecord, listRecords, NO_VALUE, query, sendForReview } from "./api.js";
import { $, confirmed, el, fill, setAttribute, setText } from "./dom.js";
import { RecordCard } from "./record.js";
import { CODES, count, gradeName } from "./words.js";

const PAGE = 50;
const TOAST_MS = 10_000;
const MODES = ["needs_review", "approved"];
const NAMES = ["school", "grade", "reason", "batch", "q"];

let where = null;          /* the conditions in the address, with mode */
let single = null;         /* ?record=: only this one */
let groups = [];           /* of the last answer */
let cursor = null;
let generation = 0;        /* an answer to an older question is thrown away */
let toastTimer = 0;
let groupTimer = 0;
const cards = new Map();   /* id → RecordCard */
const sections = new Map();/* JSON of [school] or [school, grade] → its nodes */

const keyOf = (...parts) => JSON.stringify(parts.map((part) => part || null));

function readAddress() {
  const given = new URLSearchParams(location.search);
  where = { mode: MODES.includes(given.get("mode")) ? given.get("mode") : MODES[0] };
  for (const name of NAMES) where[name] = given.get(name) ?? "";
  /* The name that links in mails use. */
  where.batch ||= given.get("upload_batch_id") ?? "";
  single = given.get("record");
}

const address = (changes) => `/review${query({ ...where, ...changes })}`;

async function go(changes) {
  const next = address(changes);
  if (next === location.pathname + location.search) return;
  if (anyDirty() && !(await confirmed({ title: "Leave without saving?", text: "What was typed into a record is not saved yet.", yes: "Leave" }))) return drawFilters();
  history.pushState(null, "", next);
  load();
}

const anyDirty = () => [...cards.values()].some((card) => card.dirty);

/* ---- loading ---- */

async function load() {
  readAddress();
  generation += 1;
  cursor = null;
  cards.clear();
  sections.clear();
  $("#list").replaceChildren();
  $("#more").hidden = true;
  hideProblem();
  drawFrame();
  drawSelection();
  if (single) await loadOne();
  else await loadPage();
}

async function loadOne() {
  const mine = generation;
  $("#list").setAttribute("aria-busy", "true");
  try {
    const record = await getRecord(single);
    if (mine !== generation) return;
    const card = addRecord(record);
    card.open(true);
    refreshGroups();
  } catch (error) {
    if (mine === generation) showProblem(error.status === 404 ? "There is no such record. It may have been deleted." : error.message);
  }
  if (mine === generation) finishLoading();
}

async function loadPage() {
  const mine = generation;
  const more = $("#more");
  more.disabled = true;
  $("#list").setAttribute("aria-busy", "true");
  try {
    const answer = await listRecords({ ...where, limit: PAGE, cursor });
    if (mine !== generation) return null;
    hideProblem();
    cursor = answer.next_cursor;
    takeGroups(answer.groups, answer.total);
    const fresh = answer.records.filter((record) => !cards.has(record.submission_id)).map(addRecord);
    finishLoading();
    return fresh[0] ?? null;
  } catch (error) {
    if (mine !== generation) return null;
    showProblem(error.message, loadPage);
    finishLoading(false);
    return null;
  } finally {
    more.disabled = false;
  }
}

function finishLoading(well = true) {
  $("#list").removeAttribute("aria-busy");
  $("#more").hidden = !cursor;
  drawShown();
  if (well && cards.size === 0 && $("#problem").hidden) drawEmpty();
}

/* Counts change with every approval; asked for anew, because somebody else may work on the list as well. */
function refreshGroups() {
  clearTimeout(groupTimer);
  groupTimer = setTimeout(async () => {
    const mine = generation;
    try {
      const answer = await listRecords({ ...where, limit: 1 });
      if (mine === generation) takeGroups(answer.groups, answer.total);
    } catch {
      /* The counts stay as they were; the next action asks again. */
    }
  }, 250);
}

/* ---- the frame: tabs, filters, counts ---- */

const chosen = (group) =>
  (!where.school || where.school === (group.school || NO_VALUE)) && (!where.grade || where.grade === (group.grade || NO_VALUE));
const inMode = (group) => (where.mode === "needs_review" ? group.needs_review : group.count - group.needs_review);

function takeGroups(given, total) {
  groups = given ?? [];
  const sum = (of) => groups.filter(chosen).reduce((n, group) => n + of(group), 0);
  const review = sum((group) => group.needs_review);
  const approved = sum((group) => group.count - group.needs_review);
  setText($("#tab-needs_review .badge"), review.toLocaleString("en"));
  setText($("#tab-approved .badge"), approved.toLocaleString("en"));
  setAttribute($("#export"), "hidden", approved === 0);
  $("#list").dataset.total = total;
  drawFilters();
  for (const key of sections.keys()) drawSection(key);
  drawShown();
}

function drawFrame() {
  for (const mode of MODES) {
    const tab = $(`#tab-${mode}`);
    tab.href = address({ mode });
    setAttribute(tab, "aria-current", mode === where.mode && !single ? "page" : null);
  }
  const only = $("#only");
  only.hidden = !where.batch && !single;
  only.replaceChildren(el("span", null, single ? "One record" : "One upload only"), " ",
    el("button", { class: "button small", type: "button", onclick: () => go(single ? {} : { batch: "" }) }, "Show all"));
  $("#clear").hidden = !(where.school || where.grade || where.reason || where.q);
  drawFilters();
}

function drawFilters() {
  const form = $("#filters");
  const distinct = (values) => [...new Set(values)];
  const bySchool = groups.filter((group) => !where.school || where.school === (group.school || NO_VALUE));
  options(form.elements.school, "All schools", distinct(groups.map((group) => group.school || NO_VALUE)), (school) => (school === NO_VALUE ? "No school" : school), where.school);
  options(form.elements.grade, "All grades", distinct(bySchool.map((group) => group.grade || NO_VALUE)).sort(byGrade), (grade) => gradeName(grade === NO_VALUE ? "" : grade), where.grade);
  options(form.elements.reason, "Any reason", Object.keys(CODES), (code) => CODES[code][0], where.reason);
  if (document.activeElement !== form.elements.q) form.elements.q.value = where.q;
}

const gradeRank = (grade) => (grade === NO_VALUE ? -1 : grade === "K" ? 0 : Number(grade));
const byGrade = (a, b) => gradeRank(a) - gradeRank(b);

function options(select, all, values, label, value) {
  const wanted = value && !values.includes(value) ? [...values, value] : values;
  const now = JSON.stringify([all, wanted]);
  if (select.dataset.now !== now) {
    select.dataset.now = now;
    select.replaceChildren(el("option", { value: "" }, all), ...wanted.map((one) => el("option", { value: one }, label(one))));
  }
  select.value = value;
}

function drawShown() {
  const total = Number($("#list").dataset.total ?? 0);
  $("#list-head").hidden = cards.size === 0;
  setText($("#shown"), single ? "" : cards.size < total ? `${cards.size} of ${count(total, "record")} shown` : count(cards.size, "record"));
}

function drawEmpty() {
  const filtered = where.school || where.grade || where.reason || where.batch || where.q;
  const [title, text, link] = filtered
    ? ["No record fits", "None of the records in this list match the filters.", el("button", { class: "button", type: "button", onclick: () => go({ school: "", grade: "", reason: "", batch: "", q: "" }) }, "Clear filters")]
    : where.mode === "needs_review"
      ? ["Nothing needs a look", "Every record is approved.", el("a", { class: "button", href: "/" }, "Upload forms")]
      : ["Nothing approved yet", "Records without doubts are approved by themselves; the others wait under “Needs review”.", el("a", { class: "button", href: address({ mode: "needs_review" }) }, "Needs review")];
  $("#list").replaceChildren(el("div", { class: "empty" }, el("h2", null, title), el("p", null, text), link));
}

/* ---- groups ---- */

function section(level, key, title, exportHref, exportLabel) {
  const counter = el("span", { class: "group-count" });
  const link = el("a", { class: "export-link", href: exportHref, download: true, "aria-label": exportLabel }, "Export CSV");
  const content = el("div", { class: "group-content" });
  const node = el("details", { class: `group level-${level}`, open: true },
    el("summary", null, el(`h${level}`, null, title), counter),
    el("div", { class: "group-tools" }, link), content);
  const made = { node, content, counter, link };
  sections.set(key, made);
  return made;
}

function schoolSection(school) {
  const key = keyOf(school);
  const made = sections.get(key);
  if (made) return made;
  const title = school || "No school";
  const fresh = section(2, key, title, exportPath({ school: school || NO_VALUE }), `Export ${title} as CSV`);
  $(".empty")?.remove();
  $("#list").append(fresh.node);
  return fresh;
}

function gradeSection(school, grade) {
  const key = keyOf(school, grade);
  const made = sections.get(key);
  if (made) return made;
  const title = gradeName(grade);
  const fresh = section(3, key, title, exportPath({ school: school || NO_VALUE, grade: grade || NO_VALUE }), `Export ${school || "no school"}, ${title} as CSV`);
  /* In order, also when an edit makes a new grade in the middle. */
  const rank = gradeRank(grade || NO_VALUE);
  fresh.node.dataset.rank = rank;
  const parent = schoolSection(school).content;
  const after = [...parent.children].find((other) => Number(other.dataset.rank) > rank);
  parent.insertBefore(fresh.node, after ?? null);
  drawSection(keyOf(school));
  drawSection(key);
  return fresh;
}

function drawSection(key) {
  const [school, grade] = JSON.parse(key);
  const isSchool = JSON.parse(key).length === 1;
  const mine = groups.filter((group) => (group.school || null) === school && (isSchool || (group.grade || null) === grade));
  const { counter, link } = sections.get(key);
  const n = mine.reduce((sum, group) => sum + inMode(group), 0);
  const approved = mine.reduce((sum, group) => sum + group.count - group.needs_review, 0);
  setText(counter, n > 0 ? count(n, "record") : "");
  link.hidden = approved === 0;
  link.parentElement.hidden = approved === 0;
}

function addRecord(record) {
  const card = new RecordCard(record, { changed, deleted, approved, selected: drawSelection, met: refreshGroups });
  cards.set(card.id, card);
  gradeSection(record.school_name, record.grade).content.append(card.node);
  return card;
}

function dropEmptySections() {
  for (const [key, { node, content }] of [...sections].reverse()) {
    if (content.childElementCount > 0) continue;
    node.remove();
    sections.delete(key);
  }
}

/* ---- what happens to a card ---- */

const fits = (record) => single !== null || record.needs_review === (where.mode === "needs_review");

function changed(card) {
  refreshGroups();
  if (!fits(card.record)) {
    const to = card.record.needs_review ? "It needs review again." : "Nothing is left to check: it is approved.";
    return leave(card, `${name(card)} saved. ${to}`);
  }
  const home = gradeSection(card.record.school_name, card.record.grade).content;
  if (card.node.parentElement !== home) {
    const focused = card.node.contains(document.activeElement) ? document.activeElement : null;
    home.append(card.node);
    dropEmptySections();
    focused?.focus();
    card.node.scrollIntoView({ block: "nearest" });
  }
}

const name = (card) => card.record.student_name || "The record";

function approved(card) {
  refreshGroups();
  if (fits(card.record)) {
    announce(`${name(card)} is approved.`);
    return;
  }
  leave(card, `${name(card)} is approved.`, () => undo(card));
}

function deleted(card) {
  refreshGroups();
  leave(card, `${name(card)} is deleted.`);
}

/* Takes a card off the list and puts the focus where work goes on: the next record, opened if this one was. */
function leave(card, text, undoIt = null) {
  const all = [...cards.values()].map((one) => one.node);
  const order = [...$("#list").querySelectorAll(".record")].filter((node) => all.includes(node));
  const at = order.indexOf(card.node);
  const neighbour = order[at + 1] ?? order[at - 1];
  const hadFocus = card.node.contains(document.activeElement) || document.activeElement === document.body;
  const wasOpen = card.opened;
  card.node.remove();
  cards.delete(card.id);
  $("#list").dataset.total = Math.max(0, Number($("#list").dataset.total ?? 0) - 1);
  dropEmptySections();
  drawSelection();
  drawShown();
  toast(text, undoIt);
  const next = neighbour && [...cards.values()].find((one) => one.node === neighbour);
  if (next && hadFocus) {
    if (wasOpen) next.open(true);
    next.toggle.focus();
  } else if (!next && hadFocus) {
    $("#main").focus();
  }
  if (cards.size === 0) {
    if (cursor) loadPage();
    else drawEmpty();
  }
}

async function undo(card) {
  hideToast();
  try {
    const record = await sendForReview(card.record);
    const back = addRecord(record);
    back.toggle.focus();
    announce(`${name(back)} is back in the list.`);
    refreshGroups();
    drawShown();
  } catch (error) {
    showProblem(error.message);
  }
}

/* ---- selection ---- */

const picked = () => [...cards.values()].filter((card) => card.check.checked);

function drawSelection() {
  const n = picked().length;
  $("#selection").hidden = n === 0;
  document.body.classList.toggle("selecting", n > 0);
  setText($("#selected"), `${n} selected`);
  $("#bulk-approve").hidden = where.mode === "approved" && !single;
  const all = $("#select-all");
  all.checked = n > 0 && n === cards.size;
  all.indeterminate = n > 0 && n < cards.size;
}

/* One by one: each may be refused for its own reason, which then stands at the record. */
async function approvePicked() {
  const chosenCards = picked();
  const done = [];
  $("#bulk-approve").disabled = true;
  for (const card of chosenCards) {
    card.callbacks = { ...card.callbacks, approved: (one) => done.push(one) };
    await card.approve();
    card.callbacks = { ...card.callbacks, approved };
  }
  $("#bulk-approve").disabled = false;
  for (const card of done) {
    card.check.checked = false;
    if (!fits(card.record)) leave(card, "");
  }
  refreshGroups();
  drawSelection();
  const refused = chosenCards.length - done.length;
  toast(`${count(done.length, "record")} approved.${refused ? ` ${refused} could not be: the reason stands at the record.` : ""}`);
  if (refused) chosenCards.find((card) => !done.includes(card)).toggle.focus();
}

async function deletePicked() {
  const chosenCards = picked();
  const yes = await confirmed({ title: `Delete ${count(chosenCards.length, "record")}?`, text: "They leave the list and the exports. The original files are kept.", yes: "Delete" });
  if (!yes) return $("#bulk-delete").focus();
  try {
    await deleteRecords(chosenCards.map((card) => card.id));
    for (const card of chosenCards) leave(card, "");
    toast(`${count(chosenCards.length, "record")} deleted.`);
    refreshGroups();
  } catch (error) {
    showProblem(error.message);
  }
}

/* ---- messages ---- */

function announce(text) {
  setText($("#announce"), text);
}

function toast(text, undoIt = null) {
  if (!text) return;
  announce(text);
  clearTimeout(toastTimer);
  const box = $("#toast");
  fill(box, el("span", null, text), undoIt && el("button", { class: "button small", type: "button", onclick: undoIt }, "Send back for review"),
    el("button", { class: "button small quiet", type: "button", "aria-label": "Dismiss", onclick: hideToast }, "×"));
  box.hidden = false;
  const hide = () => {
    if (box.matches(":hover, :focus-within")) toastTimer = setTimeout(hide, TOAST_MS);
    else hideToast();
  };
  toastTimer = setTimeout(hide, TOAST_MS);
}

function hideToast() {
  clearTimeout(toastTimer);
  $("#toast").hidden = true;
}

function showProblem(text, again = null) {
  const box = $("#problem");
  fill(box, el("span", null, text), again && [" ", el("button", { class: "button small", type: "button", onclick: again }, "Try again")]);
  box.hidden = false;
}

function hideProblem() {
  $("#problem").hidden = true;
}

/* ---- wiring ---- */

function start() {
  const form = $("#filters");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go({ q: form.elements.q.value.trim() });
  });
  form.addEventListener("change", (event) => {
    const { name: changedName, value } = event.target;
    /* A grade belongs to its school. */
    go({ [changedName]: value.trim(), ...(changedName === "school" ? { grade: "" } : {}) });
  });
  $("#clear").addEventListener("click", () => go({ school: "", grade: "", reason: "", q: "" }));
  for (const mode of MODES) {
    $(`#tab-${mode}`).addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      go({ mode });
    });
  }
  $("#more").addEventListener("click", async () => (await loadPage())?.toggle.focus());
  $("#select-all").addEventListener("change", (event) => {
    for (const card of cards.values()) card.check.checked = event.target.checked;
    drawSelection();
  });
  $("#bulk-approve").addEventListener("click", approvePicked);
  $("#bulk-delete").addEventListener("click", deletePicked);
  $("#bulk-clear").addEventListener("click", () => {
    for (const card of cards.values()) card.check.checked = false;
    drawSelection();
    $("#select-all").focus();
  });
  addEventListener("popstate", load);
  addEventListener("beforeunload", (event) => {
    if (anyDirty()) event.preventDefault();
  });
  load();
}

start();
