/* upload.js: sends files, one request each, a few at a time, again when the way or the server failed.
 *
 * XMLHttpRequest, because fetch does not tell how much of a body has been sent.  Each file has one idempotency key for
 * all its tries, so a try whose answer was lost does not make a second job. */
import { ApiError, errorOf, unreachable } from "./api.js";

const AT_A_TIME = 3;
const TRIES = 8;
/* A server that refuses a large body early often breaks the connection before its answer is read; sending all of it many
 * times would not help. */
const LARGE_BYTES = 25 * 1024 * 1024;
const LARGE_TRIES = 2;
const WAIT_LONGEST_S = 60;

/* One try. onProgress(percent) while bytes leave. Answers the server's JSON, or throws an ApiError. */
function send(file, { batch, key, onProgress }) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    /* The small fields go first: the server reads the parts in order and judges the file with them in hand. */
    form.append("batch_id", batch);
    form.append("idempotency_key", key);
    form.append("files", file, file.name);
    const xhr = new XMLHttpRequest();
    xhr.open("POST", "/upload");
    xhr.setRequestHeader("Accept", "application/json");
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable && event.total > 0) onProgress(Math.floor((100 * event.loaded) / event.total));
    };
    xhr.onload = () => {
      let answer = null;
      try {
        answer = JSON.parse(xhr.responseText);
      } catch {
        /* Not JSON: errorOf() has words for it. */
      }
      if (xhr.status === 202 && Array.isArray(answer?.job_ids) && answer.job_ids.length > 0) resolve(answer.job_ids[0]);
      else if (xhr.status === 202) reject(new ApiError(202, "unknown", answer?.errors?.[0] ?? "The server did not take this file."));
      else reject(errorOf(xhr.status, answer, xhr.getResponseHeader("Retry-After")));
    };
    const hint = file.size > LARGE_BYTES ? " It may be larger than the server takes." : "";
    xhr.onerror = () => reject(unreachable(`The connection broke off while this file was being sent.${hint}`));
    xhr.send(form);
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* Repeats `attempt` while it fails with something temporary; waits as long as the server says, otherwise twice as long
 * each time, with jitter so that three files do not come back at the same moment. */
export async function persistently(attempt, onWait = () => {}, tries = TRIES) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ApiError) || !error.temporary || tried === tries) throw error;
      const seconds = Math.min(error.retryAfter ?? 2 ** (tried - 1), WAIT_LONGEST_S);
      onWait(error, seconds);
      await sleep(1000 * seconds * (1 + Math.random() / 4));
    }
  }
}

/* What waits to be sent from this page, batch by batch.  They take turns: a batch from which nothing comes is closed. */
const queues = [];
let lanes = 0;

function nextUpload() {
  const queue = queues.shift();
  const next = queue?.shift();
  if (queue?.length > 0) queues.push(queue);
  return next;
}

async function lane() {
  lanes += 1;
  for (let next = nextUpload(); next; next = nextUpload()) {
    await upload(next);
    next.ended();
  }
  lanes -= 1;
}

async function upload({ batch, file, onStart, onProgress, onWait, onDone, onError }) {
  const key = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  try {
    const job = await persistently(() => {
      onStart();
      return send(file, { batch, key, onProgress });
    }, onWait, file.size > LARGE_BYTES ? LARGE_TRIES : TRIES);
    onDone(job);
  } catch (error) {
    onError(error);
  }
}

/* uploads: [{ file, onStart(), onProgress(percent), onWait(error, seconds), onDone(job), onError(error) }].
 * Resolves when each has ended one way or the other; never rejects. */
export async function uploadAll(batch, uploads) {
  const queue = [];
  const all = uploads.map((one) => new Promise((ended) => queue.push({ ...one, batch, ended })));
  if (queue.length > 0) queues.push(queue);
  while (lanes < AT_A_TIME && queues.length > 0) lane();
  await Promise.all(all);
}

/* The files of a drop, folders opened; what cannot be read (a cloud drive that is away, no right to it) is named all the same, by
 * { name, size: null, unread: true }.  The list of items is emptied by the browser as soon as the handler returns, therefore entries are taken
 * before the first await. */
export async function filesOfDrop(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = [];
  for (const entry of entries) await collect(entry, files);
  return files;
}

async function collect(entry, files) {
  if (entry === null) return;
  if (entry instanceof File) return files.push(entry);
  try {
    if (entry.isFile) files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else await collectFolder(entry, files);
  } catch {
    files.push({ name: entry.name, size: null, unread: true });
  }
}

async function collectFolder(entry, files) {
  const reader = entry.createReader();
  /* readEntries gives at most a hundred names at a time and an empty list at the end. */
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    for (const child of some) if (!child.name.startsWith(".")) await collect(child, files);
  }
}
