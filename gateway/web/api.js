/* api.js: every request that the pages make, except the upload of a file (upload.js).  The one place that knows paths
 * and the shape of errors. */

const TIMEOUT_MS = 30_000;

/* What the server, or the way to it, said.  `status` 0: no answer came.  `message` is for people. */
export class ApiError extends Error {
  constructor(status, code, text, { retryAfter = null, body = null } = {}) {
    super(text);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter; /* seconds, or null */
    this.body = body;
  }

  /* May the same request be sent again, with hope? */
  get temporary() {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

export function unreachable(text = "The server cannot be reached.") {
  return new ApiError(0, "unreachable", text);
}

/* The error in an answer, whatever the server managed to send: a proxy's HTML page must not end as a parse error. */
export function errorOf(status, body, retryAfterHeader) {
  const seconds = Number.parseInt(retryAfterHeader ?? "", 10);
  if (status === 401 && typeof body?.redirect === "string" && body.redirect.startsWith("/")) location.assign(body.redirect);
  return new ApiError(status, body?.code ?? "unknown", body?.message ?? body?.error ?? `The server answered with status ${status}.`,
    { retryAfter: Number.isFinite(seconds) ? seconds : null, body });
}

export async function request(method, path, { body, headers } = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw error.name === "TimeoutError" ? unreachable("The server did not answer in time.") : unreachable();
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw errorOf(response.status, answer, response.headers.get("Retry-After"));
  if (answer === null) throw new ApiError(response.status, "unknown", "The server's answer could not be read.");
  return answer;
}

const id = encodeURIComponent;

/* Leaves out what is empty, so that addresses stay readable. */
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

export const openBatch = (expected) => request("POST", "/api/batches", { body: { expected } });
export const closeBatch = (batch) => request("POST", `/api/batches/${id(batch)}/close`);
export const batchStatus = (batch) => request("GET", `/api/batch_status${query({ batch_id: batch })}`);
/* Of jobs by their ids, in the same shape; not more than JOBS_AT_ONCE of them. */
export const JOBS_AT_ONCE = 200;
export const jobsStatus = (jobs) => request("GET", `/api/batch_status${query({ job_ids: jobs.join(",") })}`);
export const workerStatus = () => request("GET", "/api/worker_status");

export const jobStatus = (job) => request("GET", `/api/job_status/${id(job)}`);
export const retryJob = (job) => request("POST", `/api/jobs/${id(job)}/retry`);
export const cancelJob = (job) => request("POST", `/api/jobs/${id(job)}/cancel`);

export const batchEvents = (batch) => `/api/events${query({ batch_id: batch })}`;
export const jobEvents = (job) => `/api/events${query({ job_id: job })}`;

/* An edit, an approval and so on answer with the record as it is now. */
const recordIn = (answer) => answer.record ?? answer;

/* If-Match: nobody changes, approves or deletes a version that they have not seen. */
const seen = (record) => ({ headers: { "If-Match": `"${record.updated_at}"` } });
const recordPath = (record, action = "") => `/api/records/${id(record.submission_id)}${action}`;

export const listRecords = (conditions) => request("GET", `/api/records${query(conditions)}`);
export const getRecord = async (record) => recordIn(await request("GET", recordPath({ submission_id: record })));
export const editRecord = async (record, fields) => recordIn(await request("PATCH", recordPath(record), { body: fields, ...seen(record) }));
export const approveRecord = async (record) => recordIn(await request("POST", recordPath(record, "/approve"), seen(record)));
export const sendForReview = async (record) => recordIn(await request("POST", recordPath(record, "/send_for_review"), seen(record)));
export const deleteRecord = (record) => request("POST", recordPath(record, "/delete"), seen(record));
export const deleteRecords = (ids) => request("POST", "/api/bulk_delete_records", { body: { ids } });

/* The value that stands for "has none" where a school or a grade is named. */
export const NO_VALUE = "-";

export function exportPath({ school, grade } = {}) {
  if (school === undefined) return "/export?format=csv";
  const path = `/export/school/${id(school)}`;
  return `${grade === undefined ? path : `${path}/grade/${id(grade)}`}?format=csv`;
}
