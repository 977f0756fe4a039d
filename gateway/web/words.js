/* words.js: how states, stages, codes, times and sizes are said to people. */

export const STATUS = {
  queued: "Waiting",
  started: "In progress",
  finished: "Finished",
  failed: "Failed",
  cancelled: "Cancelled",
  not_found: "Not found",
};
export const ENDED = new Set(["finished", "failed", "cancelled"]);

/* The stages of a job in the order in which people think of them. */
export const STAGES = [
  ["store", "Store the original", "Kept safely, as it was uploaded"],
  ["inspect", "Look at the document", "How many pages, typed or scanned"],
  ["page", "Read the pages", "Words, with their places"],
  ["split", "Find the entries", "Where one student ends and the next begins"],
  ["extract", "Extract the fields", "Name, school, grade and the rest"],
  ["save", "Save the records", "One for each student"],
];
const OTHER_STAGES = { notify: "Send the message", fetch: "Fetch the original", render: "Draw the pages" };
export const stageName = (stage) => STAGES.find(([name]) => name === stage)?.[1] ?? OTHER_STAGES[stage] ?? stage;

/* Review codes: what the chip says, and what it means for the person who reviews. */
export const CODES = {
  MISSING_STUDENT_NAME: ["No student name", "No student name was found on the form."],
  MISSING_SCHOOL_NAME: ["No school", "No school name was found on the form."],
  MISSING_GRADE: ["No grade", "No grade was found on the form."],
  INVALID_GRADE_RANGE: ["Grade out of range", "The grade is neither K nor a number from 1 to 12."],
  EMPTY_ESSAY: ["Essay empty", "No essay text was found."],
  SHORT_ESSAY: ["Essay short", "The essay has fewer than 50 words."],
  OCR_LOW_CONFIDENCE: ["Hard to read", "Name, school or grade was read with little confidence. Compare it with the page."],
  OCR_FAILED: ["Page unreadable", "At least one page of this entry could not be read."],
  EXTRACTION_FALLBACK_USED: ["Extracted by rules", "The language model's answer could not be used; the rules filled the fields instead."],
  TEMPLATE_ONLY: ["Blank form", "The page holds the printed form only; nobody filled it in."],
  DOC_TYPE_UNKNOWN: ["Not this form", "None of the form's labels were found on the pages."],
  FIELD_ATTRIBUTION_RISK: ["Value from elsewhere", "A value was seen outside the pages of this entry."],
  POSSIBLE_FIELD_SWAP: ["Name equals school", "Student name and school are the same: they may have been swapped."],
  CONTENT_MISMATCH: ["Pages disagree", "Two pages of this entry name different students or schools."],
  BLANK_SUBMISSION: ["Blank page", "There is neither ink nor text on the page."],
  SENT_FOR_REVIEW: ["Sent for review", "Somebody asked for a second look at this record."],
};
export const codeLabel = (code) => CODES[code]?.[0] ?? code;
export const codeMeaning = (code) => CODES[code]?.[1] ?? code;
export const codesOf = (text) => (text ?? "").split(";").filter(Boolean);

/* The fields of the form: name, label, required, and how a phone's keyboard should look. */
export const FIELDS = [
  ["student_name", "Student", true, "text"],
  ["school_name", "School", true, "text"],
  ["grade", "Grade", true, "text"],
  ["teacher_name", "Teacher", false, "text"],
  ["city_or_location", "City", false, "text"],
  ["father_figure_name", "Father figure", false, "text"],
  ["phone", "Phone", false, "tel"],
  ["email", "E-mail", false, "email"],
];

const SOURCES = { ocr: "read from the scan", text: "from the text layer", field: "from a form field", llm: "from the language model" };
export const sourceName = (source) => SOURCES[source] ?? source;

export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

export function bytes(n) {
  if (n < 1000) return `${n} B`;
  if (n < 999_500) return `${Math.max(1, Math.round(n / 1000))} kB`;
  return `${(n / 1e6).toFixed(1)} MB`;
}

export function duration(seconds) {
  if (seconds < 1) return "under a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function seconds(from, to) {
  const span = (Date.parse(to) - Date.parse(from)) / 1000;
  return Number.isFinite(span) && span >= 0 ? span : null;
}

export function moment(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  const today = new Date().toDateString() === date.toDateString();
  return new Intl.DateTimeFormat("en-GB", today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" }).format(date);
}

export const percent = (share) => `${Math.round(share * 100)} %`;
export const gradeName = (grade) => (grade ? (grade === "K" ? "Kindergarten" : `Grade ${grade}`) : "No grade");

/* A job's error as { text, code, stage }, or null. */
export function jobError(job) {
  if (!job.error) return null;
  if (typeof job.error === "string") return { text: job.error, code: job.error_code ?? null, stage: null };
  return { text: job.error.text ?? job.error.error ?? "It failed.", code: job.error.code ?? null, stage: job.error.stage ?? null };
}
