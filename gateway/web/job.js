/* job.js: one job: where it is, who works on it, what came of it. */
import { cancelJob, jobEvents, jobStatus, retryJob } from "./api.js";
import { $, el, fill, setAttribute, setProgress, setText } from "./dom.js";
import { watch } from "./live.js";
import { codeLabel, codeMeaning, codesOf, count, duration, ENDED, gradeName, jobError, moment, seconds, STAGES, stageName, STATUS } from "./words.js";
import { watchWorkers } from "./workers.js";

const id = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");
let job = null;
let stop = null;
let later = null;
let patience = 1; // seconds

const lookForWorkers = watchWorkers($("#workers"), () => job !== null && !ENDED.has(job.status));

function show(snapshot) {
  /* An answer that was overtaken, by one to a later question or by an event. */
  if (job !== null && snapshot.seq < job.seq) return;
  job = snapshot;
  const ended = ENDED.has(job.status);
  document.title = `${job.filename} · Sheaf`;
  setText($("#filename"), job.filename);
  setText($("#status"), STATUS[job.status] ?? job.status);
  $("#status").dataset.status = job.status;
  showFacts();
  showProblem();
  showProgress();
  showStages();
  showRecords();
  $("#overview").hidden = false;
  $("#retry").hidden = !["failed", "cancelled"].includes(job.status);
  $("#cancel").hidden = ended;
  if (job.batch_id) $("#back").href = `/?batch=${encodeURIComponent(job.batch_id)}`;
  if (!ended) return;
  unfollow();
  lookForMessage();
}

/* The job has ended, its events too; a mail may still be on its way, or wait for its server, and the page says for what. */
function lookForMessage() {
  clearTimeout(later);
  if (!(job.stages ?? []).some((stage) => stage.stage === "notify" && stage.done < stage.total)) return;
  patience = Math.min(2 * patience, 60);
  later = setTimeout(() => jobStatus(id).then(show, lookForMessage), patience * 1000);
}

function showFacts() {
  const facts = [`Uploaded ${moment(job.created_at)}`];
  const took = job.finished_at ? seconds(job.started_at ?? job.created_at, job.finished_at) : null;
  if (took !== null) facts.push(`took ${duration(took)}`);
  facts.push(`Job ${job.job_id}`);
  setText($("#facts"), facts.join(" · "));
}

function showProblem() {
  const error = jobError(job);
  const box = $("#problem");
  box.hidden = error === null;
  if (error === null) return;
  const where = error.stage ? ` (while: ${stageName(error.stage).toLowerCase()})` : "";
  if (box.dataset.text === error.text + where) return;
  box.dataset.text = error.text + where;
  fill(box, el("strong", null, error.text), where, error.code && el("code", null, error.code));
}

function showProgress() {
  const finished = job.status === "finished";
  const value = finished ? 100 : Math.min(99, Math.round(job.progress ?? 0));
  setProgress($("#progress"), value);
  $("#progress").dataset.status = job.status;
  setText($("#percent"), `${value} %`);
  const waits = job.status === "queued" ? "Waits for a worker." : "";
  setText($("#message"), job.status_message ?? waits);
}

/* The known stages always stand there, so that one sees what is still to come; others are added as the server names them. */
function showStages() {
  const given = new Map((job.stages ?? []).map((stage) => [stage.stage, stage]));
  const known = STAGES.map(([name, title, hint]) => ({ name, title, hint }));
  const more = [...given.keys()].filter((name) => name !== "notify" && !STAGES.some(([other]) => other === name)).map((name) => ({ name, title: name, hint: "" }));
  const failedAt = jobError(job)?.stage;
  for (const { name, title, hint } of [...known, ...more]) showStage(name, title, hint, given.get(name), failedAt === name);
}

function stageState(stage, failed) {
  if (failed) return "failed";
  if (!stage || !stage.started_at) return "waiting";
  return stage.total > 0 && stage.done >= stage.total ? "done" : ENDED.has(job.status) ? "stopped" : "working";
}

const STATE_WORDS = { waiting: "not begun", working: "in progress", done: "done", failed: "failed", stopped: "stopped" };

function showStage(name, title, hint, stage, failed) {
  let item = document.getElementById(`stage-${name}`);
  if (!item) {
    item = el("li", { id: `stage-${name}`, class: "stage" },
      el("span", { class: "dot", "aria-hidden": "true" }),
      el("div", { class: "stage-body" },
        el("p", { class: "stage-title" }, el("span", { class: "stage-name" }, title), el("span", { class: "unseen stage-state" }), el("span", { class: "stage-count" })),
        el("progress", { class: "bar", max: 100, value: 0, hidden: true, "aria-label": `Progress: ${title}` }),
        el("p", { class: "stage-note" })));
    $("#stages").append(item);
  }
  const state = stageState(stage, failed);
  setAttribute(item, "data-state", state);
  setText($(".stage-state", item), ` (${STATE_WORDS[state]})`);
  const many = stage && stage.total > 1;
  setText($(".stage-count", item), many ? `${stage.done} of ${count(stage.total, name === "page" ? "page" : "entry", name === "page" ? "pages" : "entries")}` : "");
  const bar = $("progress", item);
  bar.hidden = !(many && state === "working");
  if (many) setProgress(bar, Math.round((100 * stage.done) / stage.total));
  setText($(".stage-note", item), stageNote(name, stage, state, hint));
}

function stageNote(name, stage, state, hint) {
  const notes = [];
  if (state === "waiting") return hint;
  const workers = stage?.workers ?? [];
  if (workers.length > 0) notes.push(`${name === "page" ? "Read by" : "By"} ${workers.join(", ")}`);
  const took = stage?.finished_at ? seconds(stage.started_at, stage.finished_at) : null;
  if (took !== null && state === "done") notes.push(duration(took));
  return notes.join(" · ") || hint;
}

function showRecords() {
  const records = job.result?.records ?? [];
  const ids = job.result?.submission_ids ?? (job.result?.submission_id ? [job.result.submission_id] : []);
  $("#records-section").hidden = job.status !== "finished";
  setText($("#records-title"), count(Math.max(records.length, ids.length), "record"));
  const mode = records.length > 0 && records.every((record) => record.needs_review === false) ? "approved" : "needs_review";
  if (job.batch_id) $("#review").href = `/review?mode=${mode}&batch=${encodeURIComponent(job.batch_id)}`;
  if (job.status !== "finished" || $("#records").childElementCount > 0) return;
  const known = new Set(records.map((record) => record.submission_id));
  const rest = ids.filter((one) => !known.has(one)).map((submission_id) => ({ submission_id }));
  $("#records").append(...[...records, ...rest].map(recordItem));
}

function recordItem(record) {
  const facts = [record.school_name, record.grade && gradeName(record.grade), record.word_count != null && count(record.word_count, "word")].filter(Boolean);
  const codes = codesOf(record.review_reason_codes);
  return el("li", { class: "record-line" },
    el("a", { href: `/review?record=${encodeURIComponent(record.submission_id)}` }, record.student_name || `Record ${record.submission_id}`),
    el("span", { class: "hint" }, facts.join(" · ")),
    el("span", { class: "chips" }, codes.map((code) => el("span", { class: "chip", title: codeMeaning(code) }, codeLabel(code)))));
}

async function act(button, action) {
  let failure = null;
  button.disabled = true;
  setText($("#action-error"), "");
  try {
    await action(id);
    $("#records").replaceChildren();
  } catch (error) {
    failure = error;
  }
  /* Looked at also after a failure: it may be that only the answer was lost, and what was wanted is so. */
  try {
    show(await jobStatus(id));
    follow();
    lookForWorkers();
    if (action === cancelJob ? job.status === "cancelled" : !ENDED.has(job.status)) failure = null;
  } catch (error) {
    failure ??= error;
  }
  setText($("#action-error"), failure?.message ?? "");
  button.disabled = false;
}

function follow() {
  if (stop || ENDED.has(job.status)) return;
  stop = watch({
    url: jobEvents(id),
    on: { job: show },
    poll: { event: "job", fetch: () => jobStatus(id) },
    onState: (state) => setText($("#live"), state === "offline" ? "No connection; trying again." : ""),
  });
}

function unfollow() {
  stop?.();
  stop = null;
}

async function start() {
  $("#retry").addEventListener("click", (event) => act(event.currentTarget, retryJob));
  $("#cancel").addEventListener("click", (event) => act(event.currentTarget, cancelJob));
  for (let wait = 1; ; wait = Math.min(2 * wait, 15)) {
    try {
      show(await jobStatus(id));
      return follow();
    } catch (error) {
      const box = $("#problem");
      box.hidden = false;
      box.replaceChildren(el("strong", null, error.status === 404 ? "There is no such job." : error.message),
        error.status === 404 ? " It may be older than jobs are kept, or belong to somebody else." : " Trying again.");
      if (!error.temporary) return setText($("#filename"), "Job not found");
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
    }
  }
}

start();
