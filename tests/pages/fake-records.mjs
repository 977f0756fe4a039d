/* fake-records.mjs: the records behind the fake gateway, by the rules of the records API: what a field may be, which codes
 * follow, what an approval needs, whose version is newer.  All names are invented. */
import { createHash } from "node:crypto";

export const OWNER = "00000000-0000-4000-8000-000000000001";
const FIELDS = ["student_name", "school_name", "grade", "teacher_name", "city_or_location", "father_figure_name", "phone", "email"];
const REQUIRED = { student_name: "MISSING_STUDENT_NAME", school_name: "MISSING_SCHOOL_NAME", grade: "MISSING_GRADE" };
const hex12 = (text) => createHash("sha256").update(text).digest("hex").slice(0, 12);

export class Refusal extends Error {
  constructor(status, code, text, more = {}) {
    super(text);
    Object.assign(this, { status, code, more });
  }
}

export class FakeRecords {
  constructor() {
    this.all = new Map();
    this.clock = Date.parse("2026-11-20T09:00:00Z");
  }

  now() {
    this.clock += 1000;
    return new Date(this.clock).toISOString();
  }

  /* values: fields; observed: codes that the pages gave rise to; evidence: overrides by field. */
  add(values = {}, { observed = [], evidence = {}, job = null, batch = null, pages = [1, 1], seed = String(this.all.size) } = {}) {
    const at = this.now();
    const record = Object.fromEntries(FIELDS.map((field) => [field, values[field] ?? null]));
    const base = hex12(`document ${seed}`);
    Object.assign(record, {
      submission_id: hex12(`${base}:0`), base_id: base, owner_user_id: OWNER, word_count: values.word_count ?? 183, ocr_confidence_avg: 0.94,
      needs_review: false, review_reason_codes: "", artifact_dir: `${OWNER}/${base}/artifacts/1`, filename: values.filename ?? `form-${seed}.pdf`,
      created_at: at, updated_at: at, upload_batch_id: batch, school_source: "extracted", grade_source: "extracted", teacher_source: "extracted",
      doc_class: "SINGLE_SCANNED", parent_submission_id: null, chunk_index: 0, chunk_page_start: pages[0], chunk_page_end: pages[1],
      is_chunk: false, template_detected: true, is_container_parent: false, evidence: {}, field_sources: {}, job_id: job, run: 1,
      approved_at: null, approved_by: null, approved_codes: null, sent_for_review_at: null,
      pdf_url: `/pdf/essay-submissions/${OWNER}/${base}/original.pdf`,
      essay_text: values.essay_text ?? "The person who helps me most is my father. He wakes before the sun does.",
    });
    for (const field of FIELDS) {
      if (record[field] === null) continue;
      record.evidence[field] = { value: record[field], raw: record[field], page: pages[0], confidence: 0.97, source: "ocr", box: [812, 640, 1730, 790], ...evidence[field] };
      record.field_sources[field] = { source: "extracted" };
    }
    record.observed = observed;
    this.settle(record);
    this.all.set(record.submission_id, record);
    return record;
  }

  settle(record) {
    const codes = new Set(record.observed);
    for (const [field, code] of Object.entries(REQUIRED)) if (!record[field]) codes.add(code);
    if (record.word_count === 0) codes.add("EMPTY_ESSAY");
    else if (record.word_count < 50) codes.add("SHORT_ESSAY");
    if (record.sent_for_review_at) codes.add("SENT_FOR_REVIEW");
    const doubtful = Object.keys(REQUIRED).some((field) => record.field_sources[field]?.source === "extracted" && record.evidence[field]?.confidence < 0.8);
    if (doubtful) codes.add("OCR_LOW_CONFIDENCE");
    const accepted = new Set((record.approved_codes ?? "").split(";"));
    record.review_reason_codes = [...codes].sort().join(";");
    record.needs_review = [...codes].some((code) => !accepted.has(code));
  }

  shown(record, whole = false) {
    const { observed, essay_text, ...rest } = record;
    return whole ? { ...rest, essay_text } : rest;
  }

  get(id) {
    const record = this.all.get(id);
    if (!record) throw new Refusal(404, "not_found", "There is no such record.");
    return record;
  }

  list(conditions) {
    const { mode = "all", school, grade, reason, batch, q, cursor } = conditions;
    const limit = Number(conditions.limit ?? 100);
    const same = (wanted, value) => !wanted || wanted === (value ?? "-");
    const rank = (g) => (g === null ? -1 : g === "K" ? 0 : Number(g));
    const matching = [...this.all.values()]
      .filter((r) => (!batch || r.upload_batch_id === batch) && (!reason || r.review_reason_codes.split(";").includes(reason)))
      .filter((r) => !q || [r.student_name, r.school_name, r.teacher_name, r.filename].some((v) => (v ?? "").toLowerCase().includes(q.toLowerCase())))
      .sort((a, b) => (a.school_name ?? "").localeCompare(b.school_name ?? "") || rank(a.grade) - rank(b.grade)
        || (a.student_name ?? "").localeCompare(b.student_name ?? "") || a.submission_id.localeCompare(b.submission_id));
    const groups = new Map();
    for (const r of matching) {
      const key = JSON.stringify([r.school_name, r.grade]);
      const group = groups.get(key) ?? { school: r.school_name, grade: r.grade, count: 0, needs_review: 0 };
      group.count += 1;
      group.needs_review += r.needs_review ? 1 : 0;
      groups.set(key, group);
    }
    const chosen = matching.filter((r) => (mode === "all" || r.needs_review === (mode === "needs_review")) && same(school, r.school_name) && same(grade, r.grade));
    const from = cursor ? chosen.findIndex((r) => r.submission_id === cursor) + 1 : 0;
    const page = chosen.slice(from, from + limit);
    return {
      records: page.map((r) => this.shown(r)),
      next_cursor: from + limit < chosen.length ? page.at(-1).submission_id : null,
      total: chosen.length,
      groups: [...groups.values()],
    };
  }

  change(id, ifMatch, action) {
    const record = this.get(id);
    if (ifMatch && ifMatch.replaceAll('"', "") !== record.updated_at) {
      throw new Refusal(412, "precondition_failed", "Somebody else changed this record in the meantime.");
    }
    action(record);
    this.settle(record);
    record.updated_at = this.now();
    return record;
  }

  edit(id, ifMatch, fields, by = OWNER) {
    for (const [name, value] of Object.entries(fields)) {
      if (name === "grade" && value !== null && !/^(K|[1-9]|1[0-2])$/.test(value)) {
        throw new Refusal(400, "invalid_field", "A grade is K or 1 to 12.", { field: "grade" });
      }
      if (name !== "essay_text" && !FIELDS.includes(name)) throw new Refusal(400, "invalid_field", "There is no field of this name to edit.", { field: name });
    }
    return this.change(id, ifMatch, (record) => {
      for (const [name, value] of Object.entries(fields)) {
        record[name] = value;
        record.field_sources[name === "essay_text" ? "essay" : name] = { source: "manual", by, at: this.now() };
        if (name === "essay_text") record.word_count = (value ?? "").split(/\s+/).filter(Boolean).length;
      }
    });
  }

  approve(id, ifMatch) {
    return this.change(id, ifMatch, (record) => {
      if (Object.keys(REQUIRED).some((field) => !record[field])) throw new Refusal(409, "conflict", "A record needs name, school and grade before it can be approved.");
      Object.assign(record, { approved_codes: record.review_reason_codes, approved_at: this.now(), approved_by: OWNER, sent_for_review_at: null });
    });
  }

  sendForReview(id, ifMatch) {
    return this.change(id, ifMatch, (record) => Object.assign(record, { approved_codes: null, approved_at: null, approved_by: null, sent_for_review_at: this.now() }));
  }

  delete(id, ifMatch) {
    const record = this.change(id, ifMatch, () => {});
    this.all.delete(id);
    return record;
  }

  csv({ school, grade } = {}) {
    const rows = this.list({ mode: "approved", school, grade, limit: 1000 }).records;
    const columns = ["submission_id", ...FIELDS, "word_count"];
    return [columns.join(","), ...rows.map((r) => columns.map((c) => JSON.stringify(r[c] ?? "")).join(","))].join("\r\n");
  }
}

/* A list that looks like a real one: two schools, several grades, each kind of doubt. */
export function seed(records, { batch = null } = {}) {
  const by = (student_name, school_name, grade, more = {}, options = {}) =>
    records.add({ student_name, school_name, grade, teacher_name: "Ms. Okafor", city_or_location: "Springfield", father_figure_name: null, phone: "2175550129", ...more }, { batch, ...options });
  return {
    doubtful: by("Ana Luz Marin", "Lincoln Elementary", "5", { email: "ana.home@example.org" }, { evidence: { student_name: { confidence: 0.62, raw: "Ana Lnz Marin" } } }),
    short: by("Ben Carter", "Lincoln Elementary", "5", { word_count: 31 }),
    noGrade: by("Chloe Nguyen", "Lincoln Elementary", null, { teacher_name: null }),
    k: by("Dario Pena", "Lincoln Elementary", "K", { word_count: 12, father_figure_name: "Ramón Peña" }),
    nameless: by(null, "Roosevelt Middle School", "7", {}, { observed: ["OCR_FAILED"], pages: [3, 4] }),
    disagree: by("Elif Kaya", "Roosevelt Middle School", "8", {}, { observed: ["CONTENT_MISMATCH", "FIELD_ATTRIBUTION_RISK"], pages: [5, 6] }),
    noSchool: by("Farid Haddad", null, "4"),
    fine: by("Grace Lindqvist", "Lincoln Elementary", "5"),
    fine2: by("Hana Sato", "Roosevelt Middle School", "7"),
    fine3: by("Ivan Petrov", "Roosevelt Middle School", "8", { father_figure_name: "Uncle Sergei" }),
  };
}
