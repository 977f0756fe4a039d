/* review.js: the review list: what the address asks for, page by page, and what is done to many records at once. */
import { deleteRecords, getRecord, listRecords, NO_VALUE, query, sendForReview } from "./api.js";
import { $, confirmed, el, fill, setAttribute, setText } from "./dom.js";
import { GroupList, gradeRank } from "./groups.js";
import { RecordCard } from "./record.js";
import { announce, toast } from "./toast.js";
import { CODES, count, gradeName } from "./words.js";

const PAGE = 50;
const MODES = ["needs_review", "approved"];
const NAMES = ["school", "grade", "reason", "batch", "q"];
const NO_FILTERS = { school: "", grade: "", reason: "", q: "" };

let where = null;         /* the conditions in the address, with mode */
let single = null;        /* ?record=: only this one */
let total = 0;            /* that fit, loaded or not */
let cursor = null;
let generation = 0;       /* an answer to an older question is thrown away */
let questions = 0;        /* about counts; */
let answered = 0;         /* the latest of them that was answered */
let here = "";            /* the address of what is shown */
let asking = false;       /* whether typed text may go */
let countsTimer = 0;
const cards = new Map();  /* id → RecordCard */
const list = new GroupList($("#list"));

/* ---- the address ---- */

function readAddress() {
  const given = new URLSearchParams(location.search);
  where = { mode: MODES.includes(given.get("mode")) ? given.get("mode") : MODES[0] };
  for (const name of NAMES) where[name] = given.get(name) ?? "";
  /* The name that links in mails use. */
  where.batch ||= given.get("upload_batch_id") ?? "";
  single = given.get("record");
}

const address = (changes) => `/review${query({ ...where, ...changes })}`;
const anyDirty = () => [...cards.values()].some((card) => card.dirty);

async function go(changes) {
  const next = address(changes);
  if (next === location.pathname + location.search) return;
  if (!(await mayLeave())) return drawFilters();
  history.pushState(null, "", next);
  load();
}

async function mayLeave() {
  if (!anyDirty()) return true;
  if (asking) return false;
  asking = true;
  const yes = await confirmed({ title: "Leave without saving?", text: "What was typed into a record is not saved yet.", yes: "Leave" });
  asking = false;
  return yes;
}

/* The browser has gone back, or forward, already: while there is typed text its place is kept until a person decides. */
async function wentElsewhere() {
  if (!anyDirty()) return load();
  const wanted = location.pathname + location.search;
  history.pushState(null, "", here);
  if (!(await mayLeave())) return;
  history.replaceState(null, "", wanted);
  load();
}

/* ---- loading ---- */

async function load() {
  readAddress();
  here = location.pathname + location.search;
  generation += 1;
  cursor = null;
  total = 0;
  cards.clear();
  list.clear();
  $("#more").hidden = true;
  $("#problem").hidden = true;
  drawFrame();
  drawSelection();
  await (single ? loadSingle() : loadPage());
}

async function loadSingle() {
  const mine = generation;
  $("#list").setAttribute("aria-busy", "true");
  try {
    const record = await getRecord(single);
    if (mine !== generation) return;
    addRecord(record).open(true);
    refreshCounts();
  } catch (error) {
    if (mine === generation) showProblem(error.status === 404 ? "There is no such record. It may have been deleted." : error.message);
  }
  if (mine === generation) drawLoaded();
}

/* Answers the first card that is new. */
async function loadPage() {
  const mine = generation;
  const more = $("#more");
  more.disabled = true;
  $("#list").setAttribute("aria-busy", "true");
  let first = null;
  const question = (questions += 1);
  try {
    const answer = await listRecords({ ...where, limit: PAGE, cursor });
    if (mine !== generation) return null;
    $("#problem").hidden = true;
    cursor = answer.next_cursor;
    takeCounts(answer, question);
    [first = null] = answer.records.filter((record) => !cards.has(record.submission_id)).map(addRecord);
  } catch (error) {
    if (mine !== generation) return null;
    showProblem(error.message, loadPage);
  }
  more.disabled = false;
  drawLoaded();
  return first;
}

function addRecord(record) {
  $("#list > .empty")?.remove();
  const card = new RecordCard(record, { changed, deleted, approved, selected: drawSelection, met: refreshCounts });
  cards.set(card.id, card);
  list.place(record, card.node);
  return card;
}

/* Counts are asked for anew after each change: somebody else may work on the list as well. */
function refreshCounts() {
  clearTimeout(countsTimer);
  countsTimer = setTimeout(async () => {
    const mine = generation;
    const question = (questions += 1);
    try {
      const answer = await listRecords({ ...where, limit: 1 });
      if (mine === generation) takeCounts(answer, question);
    } catch {
      /* They stay as they were; the next change asks again. */
    }
  }, 250);
}

/* ---- tabs, filters, counts ---- */

let groups = [];
const ofSchool = (group) => !where.school || where.school === (group.school || NO_VALUE);
const ofGrade = (group) => !where.grade || where.grade === (group.grade || NO_VALUE);
const toReview = (group) => group.needs_review;
const done = (group) => group.count - group.needs_review;

/* Answers may overtake each other. */
function takeCounts(answer, question) {
  if (question < answered) return;
  answered = question;
  groups = answer.groups;
  total = answer.total;
  const sum = (of) => groups.filter((group) => ofSchool(group) && ofGrade(group)).reduce((n, group) => n + of(group), 0);
  setText($("#tab-needs_review .badge"), sum(toReview).toLocaleString("en"));
  setText($("#tab-approved .badge"), sum(done).toLocaleString("en"));
  $("#export").hidden = sum(done) === 0;
  list.setCounts(groups, where.mode === "needs_review" ? toReview : done);
  drawFilters();
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
  fill(only, el("span", null, single ? "One record only" : "One upload only"),
    el("button", { class: "button small", type: "button", onclick: () => go({ batch: "" }) }, "Show all"));
  $("#clear").hidden = !(where.school || where.grade || where.reason || where.q);
  drawFilters();
}

function drawFilters() {
  const { school, grade, reason, q } = $("#filters").elements;
  const distinct = (values) => [...new Set(values)];
  const schools = distinct(groups.map((group) => group.school || NO_VALUE));
  const grades = distinct(groups.filter(ofSchool).map((group) => group.grade || NO_VALUE)).sort((a, b) => gradeRank(a) - gradeRank(b));
  drawOptions(school, "All schools", schools, (value) => (value === NO_VALUE ? "No school" : value), where.school);
  drawOptions(grade, "All grades", grades, (value) => gradeName(value === NO_VALUE ? null : value), where.grade);
  drawOptions(reason, "Any reason", Object.keys(CODES), (value) => CODES[value][0], where.reason);
  if (document.activeElement !== q) q.value = where.q;
}

/* An open list of options is left alone as long as nothing differs. */
function drawOptions(select, all, values, label, value) {
  const wanted = value && !values.includes(value) ? [...values, value] : values;
  const now = JSON.stringify(wanted);
  if (select.dataset.now !== now) {
    select.dataset.now = now;
    select.replaceChildren(el("option", { value: "" }, all), ...wanted.map((one) => el("option", { value: one }, label(one))));
  }
  select.value = value;
}

function drawLoaded() {
  $("#list").removeAttribute("aria-busy");
  $("#more").hidden = !cursor;
  drawShown();
  drawSelection();
  if (cards.size === 0 && $("#problem").hidden) drawEmpty();
}

function drawShown() {
  $("#list-head").hidden = cards.size === 0;
  setText($("#shown"), single ? "" : cards.size < total ? `${cards.size} of ${count(total, "record")}` : count(cards.size, "record"));
}

/* Title, text and what to do next. */
function emptyWords() {
  const approvedHere = groups.reduce((n, group) => n + done(group), 0);
  if (where.mode === "needs_review" && where.batch && approvedHere > 0 && !(where.school || where.grade || where.reason || where.q)) {
    const text = approvedHere === 1 ? "The record of this upload is approved." : `All ${approvedHere} records of this upload are approved.`;
    return ["Nothing needs a look", text, el("a", { class: "button", href: address({ mode: "approved" }) }, "See what was read")];
  }
  if (where.school || where.grade || where.reason || where.batch || where.q) {
    const clear = el("button", { class: "button", type: "button", onclick: () => go({ ...NO_FILTERS, batch: "" }) }, "Clear filters");
    return ["No record fits", "None of the records in this list match the filters.", clear];
  }
  if (where.mode === "needs_review") return ["Nothing needs a look", "Every record is approved.", el("a", { class: "button", href: "/" }, "Upload forms")];
  return ["Nothing approved yet", "Records without doubts are approved by themselves; the others wait under “Needs review”.",
    el("a", { class: "button", href: address({ mode: "needs_review" }) }, "Needs review")];
}

function drawEmpty() {
  const [title, text, link] = emptyWords();
  fill($("#list"), el("div", { class: "empty" }, el("h2", null, title), el("p", null, text), link));
}

function showProblem(text, again = null) {
  fill($("#problem"), el("span", null, text), again && [" ", el("button", { class: "button small", type: "button", onclick: again }, "Try again")]);
  $("#problem").hidden = false;
}

/* ---- what happens to a card ---- */

const fits = (record) => single !== null || record.needs_review === (where.mode === "needs_review");
const nameOf = (card) => card.record.student_name || "The record";

/* The list may have been loaded anew while the answer to a card was on its way: the card that stands for its record now. */
function standing(card) {
  const now = cards.get(card.id);
  if (now && now !== card && now.record.updated_at < card.record.updated_at) now.accept(card.record);
  return now;
}

/* What was typed while an answer was on its way keeps its place. */
const leaves = (card) => card && !fits(card.record) && !card.dirty;

function changed(saved) {
  refreshCounts();
  const card = standing(saved);
  if (!card) return announce(`${nameOf(saved)} is saved.`);
  if (leaves(card)) {
    const why = card.record.needs_review ? "It needs review again." : "Nothing is left to check, so it is approved.";
    return leave([card], `${nameOf(card)} is saved. ${why}`);
  }
  const focused = card.node.contains(document.activeElement) ? document.activeElement : null;
  if (list.place(card.record, card.node)) {
    focused?.focus();
    card.node.scrollIntoView({ block: "nearest" });
  }
}

function approved(saved) {
  refreshCounts();
  const card = standing(saved);
  const text = `${nameOf(saved)} is approved.`;
  if (card && !leaves(card)) return announce(text);
  leave(card ? [card] : [], text, { label: "Send back for review", run: () => takeBack(saved) });
}

function deleted(card) {
  refreshCounts();
  leave([standing(card)].filter(Boolean), `${nameOf(card)} is deleted.`);
}

async function takeBack(card) {
  try {
    const record = await sendForReview(card.record);
    refreshCounts();
    card.accept(record);
    const now = standing(card);
    if (leaves(now)) return leave([now], `${nameOf(card)} needs review again.`);
    if (!fits(record)) return announce(`${nameOf(card)} needs review again.`);
    (now ?? addRecord(record)).toggle.focus();
    announce(`${nameOf(card)} is back in the list.`);
    drawShown();
  } catch (error) {
    showProblem(error.message);
  }
}

/* Takes cards off the list and puts the focus where work goes on: the next record, opened if the last one was. */
function leave(gone, text, action = null) {
  if (gone.length === 0) return toast(text, action);
  const order = [...$("#list").querySelectorAll(".record")];
  const last = order.findLastIndex((node) => gone.some((card) => card.node === node));
  const staying = (node) => gone.every((card) => card.node !== node);
  const neighbour = order.slice(last + 1).find(staying) ?? order.slice(0, Math.max(last, 0)).findLast(staying);
  const next = [...cards.values()].find((card) => card.node === neighbour);
  /* A button that was hidden by its own success has left the focus on the body. */
  const focusIsFree = document.activeElement === document.body || gone.some((card) => card.node.contains(document.activeElement));
  const wasOpen = gone.length === 1 && gone[0].opened;
  for (const card of gone) {
    card.node.remove();
    cards.delete(card.id);
  }
  total = Math.max(cards.size, total - gone.length);
  list.dropEmpty();
  drawSelection();
  drawShown();
  toast(text, action);
  if (focusIsFree && next) {
    if (wasOpen) next.open(true);
    next.toggle.focus();
  } else if (focusIsFree) {
    $("#main").focus();
  }
  if (cards.size > 0) return;
  if (cursor) loadPage();
  else drawEmpty();
}

/* ---- the selection ---- */

const picked = () => [...cards.values()].filter((card) => card.check.checked);

function drawSelection() {
  const n = picked().length;
  $("#selection").hidden = n === 0;
  document.body.classList.toggle("selecting", n > 0);
  setText($("#selected"), `${n} selected`);
  $("#bulk-approve").hidden = !picked().some((card) => card.record.needs_review);
  const all = $("#select-all");
  all.checked = n > 0 && n === cards.size;
  all.indeterminate = n > 0 && n < cards.size;
}

function pick(wanted) {
  for (const card of cards.values()) card.check.checked = wanted;
  drawSelection();
}

/* One by one: each may be refused for a reason of its own, which then stands at the record. */
async function approvePicked() {
  const chosen = picked();
  const well = [];
  $("#bulk-approve").disabled = true;
  for (const card of chosen) if (await card.approveQuietly()) well.push(card);
  $("#bulk-approve").disabled = false;
  for (const card of well) card.check.checked = false;
  drawSelection();
  refreshCounts();
  const refused = chosen.length - well.length;
  const text = `${count(well.length, "record")} approved.${refused ? ` ${refused} could not be; the reason stands at each.` : ""}`;
  leave(well.map(standing).filter(leaves), text);
  if (refused) chosen.find((card) => !well.includes(card)).toggle.focus();
}

async function deletePicked() {
  const chosen = picked();
  const yes = await confirmed({ title: `Delete ${count(chosen.length, "record")}?`, text: "They leave the list and the exports. The original files are kept.", yes: "Delete" });
  if (!yes) return $("#bulk-delete").focus();
  try {
    await deleteRecords(chosen.map((card) => card.id));
    refreshCounts();
    leave(chosen.map(standing).filter(Boolean), `${count(chosen.length, "record")} deleted.`);
  } catch (error) {
    showProblem(error.message);
  }
}

/* ---- wiring ---- */

function start() {
  const filters = $("#filters");
  filters.addEventListener("submit", (event) => {
    event.preventDefault();
    go({ q: filters.elements.q.value.trim() });
  });
  filters.addEventListener("change", ({ target }) => {
    /* A grade belongs to its school. */
    go({ [target.name]: target.value.trim(), ...(target.name === "school" ? { grade: "" } : {}) });
  });
  $("#clear").addEventListener("click", () => go(NO_FILTERS));
  for (const mode of MODES) {
    $(`#tab-${mode}`).addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      go({ mode });
    });
  }
  $("#more").addEventListener("click", async () => (await loadPage())?.toggle.focus());
  $("#select-all").addEventListener("change", (event) => pick(event.target.checked));
  $("#bulk-approve").addEventListener("click", approvePicked);
  $("#bulk-delete").addEventListener("click", deletePicked);
  $("#bulk-clear").addEventListener("click", () => {
    pick(false);
    $("#select-all").focus();
  });
  addEventListener("popstate", wentElsewhere);
  addEventListener("beforeunload", (event) => {
    if (anyDirty()) event.preventDefault();
  });
  load();
}

start();
