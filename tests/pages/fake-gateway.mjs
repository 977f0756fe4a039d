/* fake-gateway.mjs: a gateway that does what a test tells it: refuse, stall, drop streams, fail, be slow.
 *
 * It serves the real pages from gateway/web under the same Content-Security-Policy, and speaks the API of openapi.json
 * (api.test.mjs holds its answers against that file, as real.test.mjs does with the real gateway's). */
import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { FakeRecords, Refusal } from "./fake-records.mjs";

const WEB = new URL("../../gateway/web/", import.meta.url);
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json" };
const CSP = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";
const ENDED = ["finished", "failed", "cancelled"];
const STAGES = ["store", "inspect", "page", "split", "extract", "save"];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* The fields of a multipart body: texts, and files as { filename, data }. */
function parseMultipart(body, type) {
  const boundary = /boundary=(?:"([^"]+)"|([^;]+))/.exec(type ?? "");
  if (!boundary) throw new Refusal(400, "bad_multipart", "The upload cannot be read.");
  const fields = {};
  const text = body.toString("latin1");
  for (const part of text.split(`--${boundary[1] ?? boundary[2]}`).slice(1, -1)) {
    const at = part.indexOf("\r\n\r\n");
    const head = Buffer.from(part.slice(0, at), "latin1").toString();
    const data = Buffer.from(part.slice(at + 4, -2), "latin1");
    const name = /\bname="([^"]*)"/.exec(head)?.[1];
    const filename = /\bfilename="([^"]*)"/.exec(head)?.[1];
    if (filename === undefined) fields[name] = data.toString();
    else (fields[name] ??= []).push({ filename: filename.replaceAll("%22", '"'), data });
  }
  return fields;
}

export class FakeGateway {
  constructor() {
    this.records = new FakeRecords();
    this.batches = new Map();
    this.jobs = new Map();
    this.answers = new Map();     /* idempotency key → answer */
    this.known = new Set();       /* digests seen */
    this.streams = new Set();
    this.seq = 0;
    this.log = [];                /* { method, path, headers, fields } */
    this.faults = [];             /* see fail() */
    this.held = [];               /* see hold() */
    this.stepMs = 15;             /* between two steps of a job; null: only advance() moves jobs */
    this.readMs = 0;              /* pause after each piece of an upload that is read */
    this.refuseStreams = false;
    this.listed = 1000;           /* jobs of a batch in its status */
    this.lagMs = Number(process.env.LAG ?? 0);   /* up to this long before an answer: shows a test that looks too early */
    this.dispatchers = [{ instance: "dispatcher-a" }];
    this.workers = STAGES.map((stage) => ({ stage, service: { store: "persist-svc", save: "persist-svc", inspect: "ocr-svc", page: "ocr-svc" }[stage] ?? "llm-svc", workers: 1, waiting: 0, in_flight: 0, oldest_s: 0, stuck: false }));
    this.server = createServer((request, response) => this.handle(request, response));
  }

  async start() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }
  async stop() {
    this.stopped = true;
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /* The next `times` requests that fit are answered with this; status 0: the connection breaks off.
   * after: the request takes effect first, only its answer is lost. */
  fail(method, path, { status = 503, code = "queue_full", text = "The queue is full.", retryAfter = null, times = 1, after = false } = {}) {
    this.faults.push({ method, path, status, code, text, retryAfter, times, after });
  }
  /* The next request that fits takes effect, and its answer, as it is then, waits until the function that this returns is called. */
  hold(method, path) {
    let release = null;
    const released = new Promise((resolve) => (release = resolve));
    this.held.push({ method, path, released });
    return release;
  }
  requests(method, path) {
    return this.log.filter((one) => one.method === method && one.path.startsWith(path));
  }

  /* ---- HTTP ---- */

  async handle(request, response) {
    const url = new URL(request.url, "http://x");
    const entry = { method: request.method, path: url.pathname, headers: request.headers, query: Object.fromEntries(url.searchParams) };
    this.log.push(entry);
    const fault = this.faults.find((one) => one.times > 0 && one.method === request.method && url.pathname.startsWith(one.path));
    if (fault) fault.times -= 1;
    const at = this.held.findIndex((one) => one.method === request.method && url.pathname.startsWith(one.path));
    const [held] = at < 0 ? [] : this.held.splice(at, 1);
    try {
      const chunks = [];
      for await (const chunk of request) {
        chunks.push(chunk);
        if (this.readMs && url.pathname === "/upload") await sleep(this.readMs);
      }
      if (this.lagMs) await sleep(this.lagMs * Math.random());
      if (fault && !fault.after) return this.break(response, fault);
      const answer = await this.route(request, response, url, Buffer.concat(chunks), entry);
      await held?.released;
      if (fault) return this.break(response, fault);
      if (answer) this.send(response, answer[0], answer[1], answer[2]);
    } catch (error) {
      if (error instanceof Refusal) this.send(response, error.status, { success: false, error: error.message, code: error.code, ...error.more });
      else if (!this.stopped) {
        console.error(error);
        response.destroy();
      }
    }
  }
  break(response, fault) {
    if (fault.status === 0) return response.destroy();
    return this.send(response, fault.status, { success: false, error: fault.text, code: fault.code }, fault.retryAfter === null ? {} : { "Retry-After": fault.retryAfter });
  }
  send(response, status, body, headers = {}) {
    response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store", ...headers });
    response.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  }

  async file(name) {
    const data = await readFile(new URL(name, WEB));
    return [200, data, { "Content-Type": TYPES[extname(name)], "Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff" }];
  }

  async route(request, response, url, body, entry) {
    const { method } = request;
    const path = url.pathname;
    const given = Object.fromEntries(url.searchParams);
    const json = () => (entry.body = JSON.parse(body.toString() || "{}"));
    const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
    if (method === "GET" && path === "/") return this.file("index.html");
    if (method === "GET" && path === "/review") return this.file("review.html");
    if (method === "GET" && path === "/openapi.json") return this.file("openapi.json");
    if (method === "GET" && parts[0] === "jobs") return this.file("job.html");
    if (method === "GET" && parts[0] === "static" && /^[a-z-]+\.(js|css|svg)$/.test(parts[1] ?? "")) return this.file(parts[1]);
    if (method === "GET" && parts[0] === "export") return [200, this.records.csv({ school: parts[2], grade: parts[4] }), { "Content-Type": "text/csv; charset=utf-8", "Content-Disposition": 'attachment; filename="clean_records_export_1_records.csv"' }];
    if (method === "POST" && path === "/upload") return this.upload(request, body, entry);
    if (method === "POST" && path === "/api/batches") return [201, { success: true, batch_id: this.openBatch(json().expected).id }];
    if (method === "POST" && parts[1] === "batches" && parts[3] === "close") return this.closeBatch(parts[2]);
    if (method === "GET" && path === "/api/batch_status") return [200, given.job_ids ? this.statusOf(given.job_ids.split(",")) : this.batchStatus(this.batchOf(given.batch_id))];
    if (method === "GET" && parts[1] === "job_status") return this.jobs.has(parts[2]) ? [200, this.jobStatus(this.jobs.get(parts[2]))] : [404, { job_id: parts[2], status: "not_found" }];
    if (method === "POST" && parts[1] === "jobs") return this.jobAction(parts[2], parts[3]);
    if (method === "GET" && path === "/api/events") return this.openStream(request, response, given);
    if (method === "GET" && path === "/api/worker_status") return [200, { success: true, stages: this.workers, redis: this.redis ?? "ok", dispatchers: this.dispatchers, workers: [] }];
    if (method === "GET" && path === "/api/records") return [200, this.records.list(given)];
    if (parts[1] === "records") return this.recordRoute(method, parts[2], parts[3], request.headers["if-match"], json);
    if (method === "POST" && path === "/api/bulk_delete_records") {
      const { ids } = json();
      const known = ids.filter((one) => this.records.all.has(one));
      known.forEach((one) => this.records.delete(one));
      return [200, { success: true, deleted: known.length, not_found: ids.filter((one) => !known.includes(one)), records: [] }];
    }
    throw new Refusal(404, "not_found", "There is nothing here.");
  }

  recordRoute(method, id, action, ifMatch, json) {
    const one = (record) => [200, { success: true, record: this.records.shown(record, true) }];
    if (method === "GET" && !action) return one(this.records.get(id));
    if (method === "PATCH" && !action) return one(this.records.edit(id, ifMatch, json()));
    if (method === "POST" && action === "approve") return one(this.records.approve(id, ifMatch));
    if (method === "POST" && action === "send_for_review") return one(this.records.sendForReview(id, ifMatch));
    if (method === "POST" && action === "delete") return one(this.records.delete(id, ifMatch));
    throw new Refusal(404, "not_found", "There is nothing here.");
  }

  /* ---- uploads and batches ---- */

  openBatch(expected = 0) {
    const batch = { id: randomUUID(), expected, sealed: false, jobs: [] };
    this.batches.set(batch.id, batch);
    return batch;
  }
  batchOf(id) {
    const batch = this.batches.get(id);
    if (!batch) throw new Refusal(404, "not_found", "There is no such batch.");
    return batch;
  }
  closeBatch(id) {
    const batch = this.batchOf(id);
    batch.sealed = true;
    this.announce(batch);
    return [200, { success: true, batch_id: id }];
  }

  upload(request, body, entry) {
    const fields = parseMultipart(body, request.headers["content-type"]);
    entry.fields = fields;
    const key = fields.idempotency_key;
    if (key && this.answers.has(key)) return [202, this.answers.get(key)];
    const batch = fields.batch_id ? this.batchOf(fields.batch_id) : this.openBatch();
    if (fields.batch_id && batch.sealed) throw new Refusal(409, "conflict", "This batch is closed.");
    const [file] = fields.files ?? [];
    if (!file) throw new Refusal(400, "bad_multipart", "There is no file in this upload.");
    if (file.data.length === 0) throw new Refusal(400, "empty_file", `${file.filename}: the file is empty.`);
    if (file.data.subarray(0, 5).toString() === "text:") throw new Refusal(400, "unsupported_type", `${file.filename}: this kind of file cannot be read. PDF, PNG, JPEG and TIFF can.`);
    const digest = createHash("sha256").update(file.data).digest("hex");
    const duplicate = this.known.has(digest);
    this.known.add(digest);
    const job = this.addJob({ filename: file.filename, batch });
    const answer = { success: true, batch_id: batch.id, job_ids: [{ filename: file.filename, job_id: job.id, is_duplicate: duplicate, is_own_duplicate: duplicate }], total: 1, errors: null };
    if (key) this.answers.set(key, answer);
    return [202, answer];
  }

  /* ---- jobs ---- */

  /* A name with "fail" in it fails while it is read; "twelve" has twelve pages. */
  addJob({ filename, batch = this.openBatch(), pages = /twelve/.test(filename) ? 12 : 2, entries = 1, fails = /fail/.test(filename) }) {
    const job = {
      id: randomUUID(), filename, batch, pages, entries, fails, status: "queued", created_at: new Date().toISOString(), started_at: null, finished_at: null,
      message: null, error: null, records: [], seq: 0,
      stages: STAGES.map((stage) => ({ stage, done: 0, total: { page: 0, extract: 0, save: 0 }[stage] ?? 1, started_at: null, finished_at: null, workers: [] })),
    };
    batch.jobs.push(job);
    if (batch.expected && batch.jobs.length >= batch.expected) batch.sealed = true;
    this.jobs.set(job.id, job);
    this.announce(batch, job);
    if (this.stepMs !== null) this.run(job);
    return job;
  }

  /* Does one task of a stage. */
  work(job, name, worker = "host-a") {
    const stage = job.stages.find((one) => one.stage === name);
    if (stage.total === 0) stage.total = name === "page" ? job.pages : job.entries;
    const now = new Date().toISOString();
    job.status = "started";
    job.started_at ??= now;
    stage.started_at ??= now;
    stage.done += 1;
    if (!stage.workers.includes(worker)) stage.workers.push(worker);
    if (stage.done === stage.total) stage.finished_at = now;
    this.announce(job.batch, job);
  }
  finish(job) {
    job.status = "finished";
    job.finished_at = new Date().toISOString();
    for (let entry = 0; entry < job.entries; entry += 1) {
      job.records.push(this.records.add({ student_name: "Ana Luz Marin", school_name: "Lincoln Elementary", grade: "5", word_count: 31, filename: job.filename },
        { job: job.id, batch: job.batch.id, seed: `${job.id}:${entry}` }));
    }
    this.announce(job.batch, job);
  }
  failJob(job, error = { text: "The file is damaged: page 1 cannot be read.", code: "damaged", stage: "page" }) {
    Object.assign(job, { status: "failed", error, finished_at: new Date().toISOString() });
    this.announce(job.batch, job);
  }
  async run(job) {
    const tasks = ["store", "inspect", ...Array(job.pages).fill("page"), "split", ...Array(job.entries).fill("extract"), ...Array(job.entries).fill("save")];
    for (const [i, task] of tasks.entries()) {
      await sleep(this.stepMs);
      if (this.stopped || ENDED.includes(job.status)) return;
      if (job.fails && task === "page") return this.failJob(job);
      this.work(job, task, i % 2 ? "host-a" : "host-b");
    }
    await sleep(this.stepMs);
    if (!this.stopped) this.finish(job);
  }
  jobAction(id, action) {
    const job = this.jobs.get(id);
    if (!job) throw new Refusal(404, "not_found", "There is no such job.");
    const ended = ENDED.includes(job.status);
    if (action === "cancel") {
      if (ended) throw new Refusal(409, "conflict", "This job has ended already.");
      Object.assign(job, { status: "cancelled", finished_at: new Date().toISOString() });
    } else {
      if (!["failed", "cancelled"].includes(job.status)) throw new Refusal(409, "conflict", "Only a job that failed can be tried again.");
      Object.assign(job, { status: "queued", error: null, finished_at: null, fails: false });
      for (const stage of job.stages) if (stage.done < stage.total || stage.total === 0) Object.assign(stage, { done: 0, started_at: null, finished_at: null });
      if (this.stepMs !== null) this.resume(job);
    }
    this.announce(job.batch, job);
    return [202, { success: true, job_id: id, status: job.status }];
  }
  async resume(job) {
    for (const stage of job.stages) {
      while (stage.total === 0 || stage.done < stage.total) {
        await sleep(this.stepMs);
        if (this.stopped || ENDED.includes(job.status)) return;
        this.work(job, stage.stage);
      }
    }
    this.finish(job);
  }

  jobStatus(job) {
    const done = job.stages.reduce((sum, stage) => sum + (stage.total ? stage.done / stage.total : 0), 0);
    const records = job.records.map(({ submission_id, student_name, school_name, grade, word_count, needs_review, review_reason_codes }) =>
      ({ submission_id, student_name, school_name, grade, word_count, needs_review, review_reason_codes }));
    return {
      job_id: job.id, batch_id: job.batch.id, status: job.status, filename: job.filename, created_at: job.created_at, started_at: job.started_at, finished_at: job.finished_at,
      seq: job.seq, progress: job.status === "finished" ? 100 : Math.round((100 * done) / STAGES.length), status_message: job.message, stages: job.stages,
      ...(job.status === "finished" ? { result: { status: "success", submission_id: records[0]?.submission_id ?? null, submission_ids: records.map((r) => r.submission_id), records } } : {}),
      ...(job.error ? { error: job.error } : {}),
    };
  }
  batchStatus(batch) {
    const of = (...states) => batch.jobs.filter((job) => states.includes(job.status)).length;
    const open = of("queued", "started");
    return {
      batch_id: batch.id, total: batch.jobs.length, completed: of("finished"), failed: of("failed"), cancelled: of("cancelled"), pending: of("queued"), in_progress: of("started"),
      estimated_remaining_seconds: open ? open * 4 : 0, seq: this.seq, sealed: batch.sealed, expected: batch.expected, done: batch.sealed && open === 0, review_url: `/review?mode=needs_review&batch=${batch.id}`,
      jobs: batch.jobs.slice(0, this.listed).map((job) => this.line(job)),
    };
  }
  line(job) {
    const { job_id, status, filename, progress, status_message, error } = this.jobStatus(job);
    return { job_id, status, filename, progress, status_message, ...(error ? { error } : {}) };
  }
  statusOf(ids) {
    const jobs = ids.map((id) => this.jobs.get(id)).filter(Boolean);
    if (jobs.length === 0) throw new Refusal(404, "not_found", "There is nothing here.");
    return { ...this.batchStatus({ id: null, jobs, sealed: true, expected: 0 }), jobs: jobs.map((job) => this.line(job)) };
  }

  /* ---- events ---- */

  openStream(request, response, { batch_id: batchId, job_id: jobId }) {
    if (this.refuseStreams) throw new Refusal(503, "busy", "Enough streams are open.");
    const batch = batchId ? this.batchOf(batchId) : null;
    const job = jobId ? this.jobs.get(jobId) : null;
    if (!batch && !job) throw new Refusal(404, "not_found", "There is no such job.");
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    const stream = { response, batch, job, lastEventId: request.headers["last-event-id"] ?? null };
    this.streams.add(stream);
    response.on("close", () => this.streams.delete(stream));
    this.write(stream);
    return null;
  }
  write({ response, batch, job }) {
    this.seq += 1;
    const [name, data] = batch ? ["batch", this.batchStatus(batch)] : ["job", this.jobStatus(job)];
    response.write(`id: ${this.seq}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  announce(batch, job = null) {
    if (job) job.seq += 1;
    for (const stream of this.streams) if (stream.batch === batch || (job && stream.job === job)) this.write(stream);
  }
  dropStreams() {
    for (const { response } of this.streams) response.destroy();
  }
}

/* node fake-gateway.mjs [port]: the pages to look at, with a list of records. */
if (process.argv[1] === new URL(import.meta.url).pathname) {
  const { seed } = await import("./fake-records.mjs");
  const gateway = new FakeGateway();
  gateway.stepMs = 400;
  seed(gateway.records);
  await new Promise((resolve) => gateway.server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", resolve));
  console.log(`http://127.0.0.1:${gateway.server.address().port}/`);
}
