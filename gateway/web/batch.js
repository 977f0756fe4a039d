/* batch.js: one batch on the dashboard: its files, each with a progress bar, its counts, and what happens at its end.
 * A view lives either from files that were just dropped, or from an id (after a reload). */
import { batchEvents, batchStatus, closeBatch, JOBS_AT_ONCE, jobsStatus, openBatch } from "./api.js";
import { el, fill, setAttribute, setProgress, setText } from "./dom.js";
import { FileRow } from "./file-row.js";
import { watch } from "./live.js";
import { persistently, sleep, uploadAll } from "./upload.js";
import { count, duration } from "./words.js";

const ANNOUNCE_MS = 5_000;
const ASK_AGAIN_MS = 2_000;

export class BatchView {
  /* onChange(view) after each change; onDone(view) once, when everything ended while the page watched. */
  constructor({ onChange, onDone }) {
    this.onChange = onChange;
    this.onDone = onDone;
    this.id = null;
    this.rows = [];
    this.server = null;    /* last batch_status */
    this.early = new Map(); /* job_id → snapshot of a job that came before the answer to its upload */
    this.sending = false;
    this.wasOpen = false;  /* something was unfinished while we watched */
    this.announced = 0;
    this.heading = el("h2", { id: `batch-${crypto.getRandomValues(new Uint32Array(1))[0]}` }, "This upload");
    this.connection = el("span", { class: "live", role: "status" });
    this.figure = el("span", { class: "figure" });
    this.bar = el("progress", { class: "bar thick", max: 100, value: 0, "aria-labelledby": this.heading.id });
    this.counts = el("dl", { class: "counts" });
    this.counters = Object.fromEntries([["total", "Total"], ["completed", "Completed"], ["in_progress", "In progress"], ["pending", "Pending"],
      ["failed", "Failed"], ["cancelled", "Cancelled"], ["remaining", "Remaining"]].map(([name, label]) => {
      const value = el("dd", { "data-count": name }, "0");
      const box = el("div", { class: `count ${name}` }, el("dt", null, label), value);
      this.counts.append(box);
      return [name, { box, value }];
    }));
    this.summary = el("p", { class: "unseen", role: "status" });
    this.result = el("div", { class: "result", hidden: true });
    this.list = el("ul", { class: "files" });
    this.node = el("section", { class: "card batch", "aria-labelledby": this.heading.id },
      el("div", { class: "bar-row" }, this.heading, this.connection, this.figure),
      this.bar, this.counts, this.summary, this.result, this.list);
  }

  addRow(values) {
    const row = new FileRow(values);
    row.onRetry = () => this.follow();
    this.rows.push(row);
    this.list.append(row.node);
    return row;
  }

  /* Sends files as a new batch. */
  async send(dropped) {
    this.sending = dropped.some((file) => !file.unread);
    for (const file of dropped) if (file.unread) this.addRow({ name: file.name, phase: "refused", error: "It cannot be read on this computer." });
    const files = dropped.filter((file) => !file.unread);
    const rows = files.map((file) => this.addRow({ name: file.name, size: file.size }));
    setText(this.heading, `${count(dropped.length, "file")}`);
    this.update();
    if (!this.sending) return;
    const refuseAll = (error) => rows.forEach((row) => row.set({ phase: "refused", error: error.message }));
    try {
      const opened = await persistently(() => openBatch(files.length), (error, seconds) =>
        rows.forEach((row) => row.set({ phase: "retrying", waitText: `${error.message} Next try in ${duration(seconds)}.` })));
      this.id = opened.batch_id;
      rows.forEach((row) => row.set({ phase: "waiting", waitText: null }));
      this.update();
      this.follow();
      await uploadAll(this.id, files.map((file, i) => this.uploadOf(file, rows[i])));
      /* The batch waits for as many files as it was opened for; without this it would wait for the refused ones. */
      if (rows.some((row) => row.phase === "refused")) await persistently(() => closeBatch(this.id)).catch(() => {});
    } catch (error) {
      refuseAll(error);
    }
    this.sending = false;
    for (const job of this.early.values()) this.takeJob(job);
    this.early.clear();
    this.update();
  }

  uploadOf(file, row) {
    const change = (changes) => {
      row.set(changes);
      this.update();
    };
    return {
      file,
      onStart: () => change({ phase: "uploading", uploaded: 0 }),
      onProgress: (uploaded) => change({ uploaded }),
      onWait: (error, seconds) => change({ phase: "retrying", waitText: `${error.message} Next try in ${duration(seconds)}.` }),
      onDone: ({ job_id: jobId, is_own_duplicate: own, is_duplicate: known }) => {
        change({ phase: "accepted", jobId, job: this.early.get(jobId) ?? null, note: own || known ? "Uploaded before: the same record is updated" : null });
        this.early.delete(jobId);
      },
      onError: (error) => change({ phase: "refused", error: error.message, lost: error.temporary === true }),
    };
  }

  /* Shows a batch that was sent earlier; `remembered`: [{ name, job, error, phase }] of this tab, if any. */
  resume(id, remembered = []) {
    this.id = id;
    for (const file of remembered) this.addRow(file);
    this.update();
    this.follow();
    /* The files that were not sent are gone with the page that held them; without this the batch would wait for them.
     * Only after a reload: a tab that was duplicated has the same memory while the first one still sends. */
    const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
    if (reloaded && this.rows.some((row) => row.phase === "unsent")) closeBatch(id).catch(() => {});
  }

  follow() {
    if (this.stop || this.id === null) return;
    this.stop = watch({
      url: batchEvents(this.id),
      on: {
        batch: (snapshot) => this.take(snapshot),
        job: (job) => {
          this.takeJob(job);
          this.update();
        },
      },
      poll: { event: "batch", fetch: () => this.fetch() },
      onState: (state) => setText(this.connection, state === "offline" ? "No connection; trying again" : ""),
    });
    /* The first snapshot must not wait for a stream to open. */
    this.fetch().then((snapshot) => this.server ?? this.take(snapshot), () => {});
  }

  async fetch() {
    try {
      return await batchStatus(this.id);
    } catch (error) {
      this.lost(error);
      throw error;
    }
  }

  unfollow() {
    this.stop?.();
    this.stop = null;
  }

  lost(error) {
    if (error.status !== 404) return;
    this.unfollow();
    this.gone = true;
    this.result.replaceChildren(el("p", null, "This upload is not known any more. Its records are in the review list."),
      el("a", { class: "button", href: "/review" }, "Open the review list"));
    this.result.hidden = false;
    this.onChange(this);
  }

  take(snapshot) {
    this.server = snapshot;
    for (const job of snapshot.jobs ?? []) this.takeJob(job);
    this.update();
    this.askForUnlisted();
  }

  /* A snapshot lists the first thousand jobs of its batch: the others are asked for by their ids. */
  get unlisted() {
    const jobs = this.server.jobs ?? [];
    if (jobs.length >= this.server.total) return [];
    const listed = new Set(jobs.map((job) => job.job_id));
    return this.rows.filter((row) => row.jobId && !row.ended && !listed.has(row.jobId)).map((row) => row.jobId);
  }

  async askForUnlisted() {
    if (this.asking) return;
    this.asking = true;
    for (let seen = null; seen !== this.server && !this.gone; await sleep(ASK_AGAIN_MS)) {
      const asked = this.server;
      const ids = this.unlisted;
      if (ids.length === 0) break;
      try {
        for (let at = 0; at < ids.length; at += JOBS_AT_ONCE) {
          for (const job of (await jobsStatus(ids.slice(at, at + JOBS_AT_ONCE))).jobs) this.takeJob(job);
        }
        seen = asked;
        this.update();
      } catch (error) {
        if (!error.temporary) break;
      }
    }
    this.asking = false;
  }

  takeJob(job) {
    const row = this.rows.find((candidate) => candidate.jobId === job.job_id) ?? this.lostRow(job);
    if (row) row.set({ job, jobId: job.job_id, phase: "accepted", lost: false, error: null });
    /* An unknown job while files are being sent is mostly one of ours whose answer is still on its way, or was lost. */
    else if (this.sending) this.early.set(job.job_id, job);
    else this.addRow({ name: job.filename ?? job.job_id, phase: "accepted", job: job.job_id }).set({ job });
  }

  /* The file that this job was made of, when the answer to its upload did not reach the page. */
  lostRow(job) {
    return this.sending ? undefined : this.rows.find((row) => row.lost && row.name === job.filename);
  }

  /* What only this page knows is added to what the server counts. */
  count() {
    const local = this.rows.filter((row) => !row.jobId);
    const of = (phases) => local.filter((row) => phases.includes(row.phase)).length;
    const accepted = this.rows.length - local.length;
    const server = this.server ?? { total: 0, completed: 0, failed: 0, pending: 0, in_progress: 0, cancelled: 0 };
    /* Accepted, but not yet in the server's last snapshot. */
    const unseen = Math.max(0, accepted - server.total);
    return {
      total: local.length + unseen + server.total,
      completed: server.completed,
      in_progress: server.in_progress + of(["uploading"]),
      pending: server.pending + unseen + of(["waiting", "retrying"]),
      failed: server.failed + of(["refused", "unsent"]),
      cancelled: server.cancelled ?? 0,
      remaining: this.server?.estimated_remaining_seconds ?? null,
    };
  }

  get done() {
    if (this.sending || !this.rows.every((row) => row.ended)) return false;
    /* Where nothing was accepted there is nothing to ask the server about. */
    if (this.rows.length > 0 && this.rows.every((row) => !row.jobId)) return true;
    return this.server?.done === true;
  }
  get active() {
    return !this.gone && !this.done;
  }

  update() {
    if (this.gone) return;
    const counts = this.count();
    for (const [name, { value }] of Object.entries(this.counters)) {
      if (name !== "remaining") setText(value, counts[name].toLocaleString("en"));
    }
    this.counters.cancelled.box.hidden = counts.cancelled === 0;
    this.counters.failed.box.classList.toggle("some", counts.failed > 0);
    const remaining = this.done || counts.remaining === null ? null : counts.remaining;
    this.counters.remaining.box.hidden = remaining === null;
    setText(this.counters.remaining.value, remaining === null ? "" : `about ${duration(Math.max(1, remaining))}`);
    const share = this.rows.length ? this.rows.reduce((sum, row) => sum + row.share, 0) / this.rows.length : 0;
    /* 100 % is said only when it is true. */
    const percent = this.done ? 100 : Math.min(99, Math.floor(100 * share));
    setProgress(this.bar, percent);
    setText(this.figure, `${percent} %`);
    if (!this.sending && this.rows.length > 0) setText(this.heading, count(this.rows.length, "file"));
    if (this.sending || this.server?.done === false || this.rows.some((row) => row.job && !row.ended)) this.wasOpen = true;
    this.announce(counts);
    this.finish();
    this.onChange(this);
  }

  /* Not each change: a screen reader would never come to an end. */
  announce(counts) {
    if (!this.done && Date.now() - this.announced < ANNOUNCE_MS) return;
    this.announced = Date.now();
    const failed = counts.failed ? `, ${counts.failed} failed` : "";
    setText(this.summary, `${counts.completed} of ${count(counts.total, "file")} completed${failed}.`);
  }

  finish() {
    setAttribute(this.node, "data-done", this.done ? "yes" : null);
    if (!this.done) {
      this.finished = false;
      this.result.hidden = true;
      return;
    }
    if (this.finished) return;
    this.finished = true;
    this.unfollow();
    const failed = this.rows.filter((row) => row.failed);
    /* What needs a person stands on top. */
    for (const row of failed.reverse()) this.list.prepend(row.node);
    const completed = this.rows.some((row) => row.status === "finished");
    if (failed.length > 0) {
      this.result.className = "result bad";
      fill(this.result,
        el("p", null, el("strong", null, `${failed.length} of ${count(this.rows.length, "file")} could not be processed.`),
          " The reason stands with each file below.", completed ? " The others are ready for review." : ""),
        completed ? el("a", { class: "button primary", href: this.reviewUrl }, "Open the review list") : null);
    } else {
      this.result.className = "result good";
      this.result.replaceChildren(el("p", null, completed ? "Everything is done." : "Nothing is left to do."),
        el("a", { class: "button primary", href: this.reviewUrl }, "Open the review list"));
    }
    this.result.hidden = false;
    if (this.wasOpen) this.onDone(this, { failed: failed.length, completed });
  }

  /* Only a path of this site is followed, whatever the answer holds. */
  get reviewUrl() {
    const url = this.server?.review_url;
    if (typeof url === "string" && /^\/(?![/\\])/.test(url)) return url;
    return this.id ? `/review?batch=${encodeURIComponent(this.id)}` : "/review";
  }

  /* What this tab keeps for a reload: the server does not know what was refused or never sent. */
  remember() {
    return this.rows.map((row) => ({ name: row.name, job: row.jobId, error: row.error, phase: row.jobId ? "accepted" : row.phase === "refused" ? "refused" : "unsent",
      settled: row.ended && !row.failed }));
  }
}
