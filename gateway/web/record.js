/* record.js: one record of the review list: what was read, where it was read, and a form to put it right.
 *
 * The card owns its record and the typed text; the list (review.js) owns where the card stands.  It is told of every change
 * by the callbacks, never by reaching into the page. */
import { approveRecord, deleteRecord, editRecord, getRecord, sendForReview } from "./api.js";
import { $, confirmed, el, fill, setAttribute, setText } from "./dom.js";
import { codeLabel, codeMeaning, codesOf, count, FIELDS, moment, percent, sourceName } from "./words.js";

/* Below this the evidence is shown as doubtful; the same as the default of SHEAF_REVIEW_BELOW. */
const DOUBTFUL = 0.8;

const valueOf = (record, name) => record[name] ?? "";
/* As the control itself shows a value: a line of text has no line ends, a text area only its own kind. */
const shownAs = (input, value) => (input.tagName === "TEXTAREA" ? value.replace(/\r\n?/g, "\n") : value.replace(/[\r\n]+/g, " ")).trim();
const nameOf = (record) => record.student_name || "No name";

function pagesOf(record) {
  const { chunk_page_start: first, chunk_page_end: last } = record;
  if (!first) return null;
  return last > first ? `pages ${first}–${last}` : `page ${first}`;
}

function chips(record) {
  const accepted = new Set(codesOf(record.approved_codes));
  return codesOf(record.review_reason_codes).map((code) =>
    el("span", { class: accepted.has(code) ? "chip accepted" : "chip", title: `${codeMeaning(code)}${accepted.has(code) ? " A person accepted this." : ""}` },
      codeLabel(code)));
}

/* Where a field's value comes from, as a line under its input. */
function evidenceOf(record, name) {
  const source = record.field_sources?.[name];
  const set = source?.source ?? source;
  if (set === "manual") return [el("span", null, `typed by a person${source.at ? `, ${moment(source.at)}` : ""}`)];
  if (set === "batch_default") return [el("span", null, "from the batch's defaults")];
  const evidence = record.evidence?.[name];
  if (!evidence) return [el("span", null, valueOf(record, name) ? "no evidence" : "not found on the page")];
  const parts = [];
  if (evidence.page) parts.push(el("span", null, `page ${evidence.page}`));
  if (typeof evidence.confidence === "number") {
    const doubtful = evidence.confidence < DOUBTFUL;
    parts.push(el("span", { class: doubtful ? "doubtful" : null }, `${percent(evidence.confidence)} sure`));
  }
  if (evidence.source) parts.push(el("span", null, sourceName(evidence.source)));
  if (evidence.raw && evidence.raw !== valueOf(record, name)) parts.push(el("span", { class: "raw" }, `“${evidence.raw}”`));
  return parts;
}

export class RecordCard {
  /* callbacks: changed(card), deleted(card), selected(card), approved(card), met(card): somebody else changed it. */
  constructor(record, callbacks) {
    this.record = record;
    this.callbacks = callbacks;
    this.inputs = new Map();   /* field → { input, evidence, newer } */
    this.essay = null;         /* loaded when the card is opened */
    const id = record.submission_id;
    this.check = el("input", { type: "checkbox", onchange: () => callbacks.selected(this) });
    this.toggle = el("button", { class: "record-name", type: "button", "aria-expanded": "false", "aria-controls": `body-${id}`, onclick: () => this.open(!this.opened) });
    this.meta = el("p", { class: "record-meta" });
    this.chips = el("p", { class: "chips" });
    this.approveButton = el("button", { class: "button small soft", type: "button", onclick: () => this.approve() }, "Approve");
    this.problem = el("div", { class: "banner bad", role: "alert", hidden: true });
    this.body = el("div", { class: "record-body", id: `body-${id}`, hidden: true });
    this.node = el("article", { class: "record", id: `record-${id}`, "aria-label": nameOf(record) },
      el("div", { class: "record-head" },
        el("label", { class: "check" }, this.check, el("span", { class: "unseen" })),
        el("h4", { class: "record-title" }, this.toggle), this.approveButton,
        el("div", { class: "record-facts" }, this.meta, this.chips)),
      this.problem, this.body);
    this.draw();
  }

  get id() {
    return this.record.submission_id;
  }
  get opened() {
    return !this.body.hidden;
  }

  draw() {
    const record = this.record;
    setText(this.toggle, nameOf(record));
    this.toggle.classList.toggle("absent", !record.student_name);
    setAttribute(this.node, "aria-label", nameOf(record));
    setText($(".check .unseen", this.node), `Select ${nameOf(record)}`);
    setAttribute(this.approveButton, "aria-label", `Approve ${nameOf(record)}`);
    const facts = [record.teacher_name, count(record.word_count ?? 0, "word"), record.filename, pagesOf(record)];
    if (typeof record.ocr_confidence_avg === "number") facts.splice(2, 0, `read with ${percent(record.ocr_confidence_avg)}`);
    setText(this.meta, facts.filter(Boolean).join(" · "));
    this.chips.replaceChildren(...chips(record));
    this.approveButton.hidden = !record.needs_review;
  }

  open(wanted) {
    if (wanted && !this.body.firstChild) this.build();
    this.body.hidden = !wanted;
    setAttribute(this.toggle, "aria-expanded", String(wanted));
    this.node.classList.toggle("open", wanted);
    if (wanted) this.loadEssay();
  }

  build() {
    this.saveButton = el("button", { class: "button primary", type: "submit", disabled: true }, "Save");
    this.approveInside = el("button", { class: "button", type: "button", onclick: () => this.approve() }, "Approve");
    this.sendButton = el("button", { class: "button", type: "button", onclick: () => this.sendBack() }, "Send for review");
    this.deleteButton = el("button", { class: "button quiet danger-text", type: "button", onclick: () => this.delete() }, "Delete");
    this.reasons = el("ul", { class: "reasons" });
    this.saved = el("span", { class: "hint", role: "status" });
    this.essayText = this.field("essay_text", "Essay", false, null);
    this.form = el("form", { class: "fields", autocomplete: "off", onsubmit: (event) => {
      event.preventDefault();
      this.save();
    } }, FIELDS.map(([name, label, required, type]) => this.field(name, label, required, type)), this.essayText);
    const original = typeof this.record.pdf_url === "string" && this.record.pdf_url.startsWith("/")
      ? el("a", { href: `${this.record.pdf_url}${this.record.chunk_page_start ? `#page=${this.record.chunk_page_start}` : ""}`, target: "_blank", rel: "noopener" }, "Open the original")
      : null;
    const job = this.record.job_id ? el("a", { href: `/jobs/${encodeURIComponent(this.record.job_id)}` }, "How it was read") : null;
    this.form.append(el("div", { class: "actions" }, this.saveButton, this.approveInside, this.sendButton, this.saved, el("span", { class: "grow" }), original, job, this.deleteButton));
    this.body.append(this.reasons, this.form);
    this.fill();
  }

  /* type null: the essay. */
  field(name, label, required, type) {
    const id = `${name}-${this.id}`;
    const attributes = { id, name, "aria-describedby": `${id}-evidence`, oninput: () => this.typed() };
    const input = type === null ? el("textarea", { ...attributes, rows: 8, disabled: true })
      : el("input", { ...attributes, type, maxlength: 300, "aria-required": required ? "true" : null, spellcheck: "false" });
    const evidence = el("p", { class: "evidence", id: `${id}-evidence` });
    const newer = el("p", { class: "newer", hidden: true });
    this.inputs.set(name, { input, evidence, newer });
    return el("div", { class: `field ${name}` },
      el("label", { for: id }, label, required && el("span", { class: "required", title: "needed for approval" }, " *", el("span", { class: "unseen" }, " needed for approval"))),
      input, evidence, newer);
  }

  /* Writes the record into the form, except what a person has typed since the form showed `before`. */
  fill(before = null) {
    for (const [name, { input, evidence, newer }] of this.inputs) {
      const value = valueOf(this.record, name);
      if (name === "essay_text") {
        input.disabled = this.record.essay_text === undefined;
        if (input.disabled) continue;
      }
      const now = shownAs(input, value);
      const was = before === null ? null : shownAs(input, valueOf(before, name));
      const touched = was !== null && input.value.trim() !== was;
      if (!touched) input.value = now;
      const conflict = touched && now !== was && now !== input.value.trim();
      newer.hidden = !conflict;
      fill(newer, conflict && [el("span", null, "Now: ", el("strong", null, name === "essay_text" ? "another text" : value || "empty")), " ",
        el("button", { class: "button small", type: "button", onclick: () => this.takeNewer(name) }, "Use this")]);
      setAttribute(input, "aria-invalid", null);
      evidence.replaceChildren(...(name === "essay_text" ? [el("span", null, count(this.record.word_count ?? 0, "word"))] : evidenceOf(this.record, name)));
    }
    const accepted = new Set(codesOf(this.record.approved_codes));
    this.reasons.replaceChildren(...codesOf(this.record.review_reason_codes).map((code) =>
      el("li", null, el("strong", null, codeLabel(code)), ` ${codeMeaning(code)}`, accepted.has(code) && " Accepted by a person.")));
    this.reasons.hidden = this.reasons.childElementCount === 0;
    this.approveInside.hidden = !this.record.needs_review;
    this.sendButton.hidden = this.record.needs_review && codesOf(this.record.review_reason_codes).includes("SENT_FOR_REVIEW");
    this.typed();
  }

  takeNewer(name) {
    const { input, newer } = this.inputs.get(name);
    input.value = shownAs(input, valueOf(this.record, name));
    newer.hidden = true;
    input.focus();
    this.typed();
  }

  /* The list's records come without their essays.  A record that was stored or met meanwhile is newer than this answer. */
  async loadEssay() {
    if (this.record.essay_text !== undefined || this.loading) return;
    this.loading = true;
    try {
      let before, whole;
      do {
        before = this.record;
        whole = await getRecord(this.id);
      } while (this.record !== before && this.record.essay_text === undefined);
      if (this.record === before) {
        this.record = { ...whole, essay_text: whole.essay_text ?? "" };
        this.draw();
        this.fill({ ...before, essay_text: "" });
        if ([...this.inputs.values()].some(({ newer }) => !newer.hidden)) this.sayChanged();
      }
    } catch (error) {
      this.fail(error);
    }
    this.loading = false;
  }

  /* What differs from the record; an emptied field is null. */
  get changes() {
    const changes = {};
    for (const [name, { input }] of this.inputs) {
      if (input.disabled) continue;
      const value = input.value.trim();
      if (value !== shownAs(input, valueOf(this.record, name))) changes[name] = value === "" ? null : value;
    }
    return changes;
  }
  get dirty() {
    return Object.keys(this.changes).length > 0;
  }

  typed() {
    if (!this.saveButton) return;
    const dirty = this.dirty;
    this.saveButton.disabled = !dirty;
    setText(this.approveInside, dirty ? "Save and approve" : "Approve");
    if (dirty) setText(this.saved, "");
  }

  clearProblem() {
    this.problem.hidden = true;
    this.problem.replaceChildren();
    for (const { input } of this.inputs.values()) setAttribute(input, "aria-invalid", null);
  }

  fail(error) {
    const input = this.inputs.get(error.body?.field === "essay" ? "essay_text" : error.body?.field)?.input;
    if (input) {
      setAttribute(input, "aria-invalid", "true");
      input.focus();
    }
    this.say(error.message);
  }

  say(...text) {
    this.problem.replaceChildren(...text);
    this.problem.hidden = false;
  }

  /* One thing at a time; answers whether it went well. */
  async attempt(action) {
    if (this.busy) return false;
    this.busy = true;
    this.node.setAttribute("aria-busy", "true");
    this.clearProblem();
    try {
      await action();
      return true;
    } catch (error) {
      if (error.status === 412) await this.meet(error);
      else this.fail(error);
      return false;
    } finally {
      this.busy = false;
      this.node.removeAttribute("aria-busy");
    }
  }

  /* Somebody else was first: show what the record is now, and keep what was typed here. */
  async meet(error) {
    try {
      const before = this.record;
      const whole = await getRecord(this.id);
      this.record = { ...whole, essay_text: whole.essay_text ?? "" };
      this.draw();
      if (!this.body.firstChild) this.build();
      this.fill(before);
      this.open(true);
      this.sayChanged();
      /* It stays where it is, even if it fits the list no more: there is typed text in it. */
      this.callbacks.met(this);
    } catch (second) {
      this.fail(second.status === 404 ? second : error);
    }
  }

  sayChanged() {
    this.say(el("strong", null, "Somebody else changed this record in the meantime."),
      ` It is shown as it is now (${moment(this.record.updated_at)}); what you typed is kept. Look at it, then save again.`);
  }

  /* The record as it is after `sent` was stored; what was typed while it was on its way stays. */
  accept(record, sent = {}) {
    const before = { ...this.record, ...sent };
    this.record = { ...record, essay_text: record.essay_text ?? this.record.essay_text };
    this.draw();
    if (this.body.firstChild) this.fill(before);
  }

  async save() {
    const changes = this.changes;
    if (Object.keys(changes).length === 0) return;
    if (await this.attempt(async () => this.accept(await editRecord(this.record, changes), changes))) {
      setText(this.saved, "Saved.");
      this.callbacks.changed(this);
    }
  }

  async approve() {
    if (await this.approveQuietly()) this.callbacks.approved(this);
  }

  /* Without telling the list, which may be about to approve many. */
  approveQuietly() {
    return this.attempt(async () => {
      /* Approving accepts what is stored; so what was typed is stored first. */
      const changes = this.changes;
      if (Object.keys(changes).length > 0) this.accept(await editRecord(this.record, changes), changes);
      if (this.record.needs_review) this.accept(await approveRecord(this.record));
    });
  }

  async sendBack() {
    if (await this.attempt(async () => this.accept(await sendForReview(this.record)))) this.callbacks.changed(this);
  }

  async delete() {
    const yes = await confirmed({ title: `Delete ${nameOf(this.record)}?`, text: "The record leaves the list and the exports. The original file is kept.", yes: "Delete" });
    if (!yes) return this.deleteButton.focus();
    if (await this.attempt(() => deleteRecord(this.record))) this.callbacks.deleted(this);
  }
}
