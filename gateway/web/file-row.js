/* file-row.js: one file of a batch: first on its way to the server, then as the job that it became.
 * phase: waiting, uploading, retrying, accepted, refused, unsent (lost in a reload). */
import { retryJob } from "./api.js";
import { el, setAttribute, setProgress, setText } from "./dom.js";
import { bytes, ENDED, jobError, STATUS } from "./words.js";

/* Of a file's way, this much is the upload, as the batch's bar sees it. */
const UPLOAD_SHARE = 0.25;

export class FileRow {
  constructor({ name, size = null, phase = "waiting", error = null, job = null }) {
    this.name = name;
    this.phase = phase;
    this.error = error;
    this.jobId = job;
    this.job = null;       /* the last snapshot */
    this.uploaded = 0;     /* percent */
    this.note = null;
    this.lost = phase === "unsent"; /* the server may have it all the same */
    this.waitText = null;
    this.title = el("span", { class: "file-name" }, name);
    this.size = size === null ? null : el("span", { class: "file-size" }, bytes(size));
    this.state = el("span", { class: "file-state" });
    this.bar = el("progress", { class: "bar", max: 100, value: 0, "aria-label": `Progress of ${name}` });
    this.detail = el("span", { class: "file-detail" });
    this.again = el("button", { class: "button small", type: "button", hidden: true, onclick: () => this.retry() }, "Try again");
    this.node = el("li", { class: "file" },
      el("div", { class: "file-head" }, this.title, this.size, this.state), this.bar,
      el("div", { class: "file-foot" }, this.detail, this.again));
    this.draw();
  }

  get status() {
    return this.job?.status ?? (this.phase === "accepted" ? "queued" : null);
  }
  get ended() {
    return this.phase === "refused" || this.phase === "unsent" || ENDED.has(this.status);
  }
  get failed() {
    return this.phase === "refused" || this.phase === "unsent" || this.status === "failed";
  }
  /* 0 to 1, of the whole way. */
  get share() {
    if (this.ended) return 1;
    if (this.phase === "accepted") return UPLOAD_SHARE + ((1 - UPLOAD_SHARE) * (this.job?.progress ?? 0)) / 100;
    return (UPLOAD_SHARE * this.uploaded) / 100;
  }
  /* What is wrong, in words, or null. */
  get problem() {
    if (this.phase === "refused") return this.error;
    if (this.phase === "unsent") return "Not sent: the page was closed before. Choose it again.";
    if (this.status === "failed") return jobError(this.job)?.text ?? "It failed.";
    return null;
  }

  set(changes) {
    Object.assign(this, changes);
    this.draw();
  }

  async retry() {
    this.again.disabled = true;
    try {
      await retryJob(this.jobId);
      /* What came before this answer and says other than that it failed is newer. */
      if (this.failed) this.set({ job: { ...this.job, status: "queued", progress: 0, error: null, status_message: null } });
      this.onRetry?.();
    } catch (error) {
      setText(this.detail, error.message);
      /* It may run all the same: the answer was lost, or that to an earlier try. */
      if (error.temporary || error.status === 409) this.onRetry?.();
    }
    this.again.disabled = false;
  }

  draw() {
    const [kind, label, percent, detail] = this.looks();
    setAttribute(this.node, "data-state", kind);
    setText(this.state, label);
    setProgress(this.bar, percent);
    this.bar.hidden = this.ended;
    setText(this.detail, detail ?? "");
    this.again.hidden = this.status !== "failed";
    if (this.jobId && !this.title.querySelector("a")) {
      this.title.replaceChildren(el("a", { href: `/jobs/${encodeURIComponent(this.jobId)}` }, this.name));
    }
  }

  /* kind for the style sheet, label, percent (null: unknown), detail. */
  looks() {
    if (this.problem !== null) return ["failed", this.phase === "accepted" ? "Failed" : this.phase === "unsent" ? "Not sent" : "Refused", 100, this.problem];
    switch (this.phase) {
      case "waiting": return ["waiting", "Waits to be sent", 0, null];
      case "uploading": return ["uploading", this.uploaded < 100 ? `Uploading ${this.uploaded} %` : "Being stored", this.uploaded, null];
      case "retrying": return ["waiting", "Will be sent again", this.uploaded, this.waitText];
    }
    const job = this.job;
    const progress = job?.progress ?? 0;
    const detail = [this.note, job?.status_message].filter(Boolean).join(" · ") || null;
    switch (job?.status) {
      case "started": return ["working", `${STATUS.started} ${Math.round(progress)} %`, progress, detail];
      case "finished": return ["done", STATUS.finished, 100, detail];
      case "cancelled": return ["cancelled", STATUS.cancelled, 100, detail];
      default: return ["waiting", "Uploaded, waits for a worker", 0, detail];
    }
  }
}
