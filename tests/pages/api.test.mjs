/* The fake gateway says what openapi.json says: a test against a fake that has drifted from the API would prove nothing. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FakeGateway } from "./fake-gateway.mjs";
import { seed } from "./fake-records.mjs";
import { check, checkAnswer, checkDocument } from "./openapi.mjs";

let gateway;
let records;
before(async () => {
  gateway = await new FakeGateway().start();
  gateway.stepMs = null;
  records = seed(gateway.records);
});
after(() => gateway.stop());

async function ask(method, path, body, headers = {}) {
  const form = body instanceof FormData;
  const response = await fetch(gateway.url + path, { method, headers: { ...(body && !form ? { "Content-Type": "application/json" } : {}), ...headers }, body: form ? body : body && JSON.stringify(body) });
  const type = response.headers.get("Content-Type");
  const answer = type.startsWith("application/json") ? await response.json() : await response.text();
  assert.deepEqual(checkAnswer(method, path.split("?")[0], response.status, type, answer), []);
  return { status: response.status, answer };
}

function form(data, more = {}) {
  const made = new FormData();
  for (const [name, value] of Object.entries(more)) made.append(name, value);
  made.append("files", new Blob([data]), "one.pdf");
  return made;
}

test("openapi.json is whole: every reference leads somewhere", () => {
  assert.ok(checkDocument() > 20);
});

test("the checker refuses what does not fit", () => {
  const schema = { type: "object", required: ["a"], properties: { a: { type: "integer", minimum: 1 } }, additionalProperties: false };
  assert.deepEqual(check(schema, { a: 1 }), []);
  for (const bad of [{}, { a: 0 }, { a: "1" }, { a: 1, b: 2 }, null, [1]]) assert.notDeepEqual(check(schema, bad), [], JSON.stringify(bad));
});

test("an upload, its batch and its job are answered as written down", async () => {
  const { answer: { batch_id } } = await ask("POST", "/api/batches", { expected: 1 });
  const { status, answer } = await ask("POST", "/upload", form("%PDF-1.4", { batch_id, idempotency_key: "k1" }));
  assert.equal(status, 202);
  const again = await ask("POST", "/upload", form("%PDF-1.4", { batch_id, idempotency_key: "k1" }));
  assert.deepEqual(again.answer, answer, "the same key gets the same answer");
  const job = gateway.jobs.get(answer.job_ids[0].job_id);
  for (const stage of ["store", "inspect", "page", "page", "split", "extract", "save"]) {
    gateway.work(job, stage);
    await ask("GET", `/api/job_status/${job.id}`);
  }
  gateway.finish(job);
  await ask("GET", `/api/job_status/${job.id}`);
  const batch = await ask("GET", `/api/batch_status?batch_id=${batch_id}`);
  assert.equal(batch.answer.done, true);
  assert.equal((await ask("POST", `/api/jobs/${job.id}/retry`)).status, 409);
  assert.equal((await ask("POST", `/api/batches/${batch_id}/close`)).status, 200);
});

test("what is refused is answered as written down", async () => {
  assert.equal((await ask("POST", "/upload", form(""))).answer.code, "empty_file");
  assert.equal((await ask("POST", "/upload", form("text: no"))).answer.code, "unsupported_type");
  assert.equal((await ask("GET", "/api/job_status/nobody")).status, 404);
  assert.equal((await ask("GET", "/api/batch_status?batch_id=nobody")).status, 404);
  gateway.fail("POST", "/upload", { retryAfter: 1 });
  assert.equal((await ask("POST", "/upload", form("%PDF-1.4"))).status, 503);
});

test("records are answered as written down", async () => {
  await ask("GET", "/api/records?mode=needs_review&limit=3");
  await ask("GET", "/api/worker_status");
  await ask("GET", "/export?format=csv");
  const one = `/api/records/${records.doubtful.submission_id}`;
  const { answer: { record } } = await ask("GET", one);
  const version = { "If-Match": `"${record.updated_at}"` };
  assert.equal((await ask("PATCH", one, { grade: "77" })).answer.field, "grade");
  assert.equal((await ask("PATCH", one, { student_name: "Ana" }, version)).status, 200);
  assert.equal((await ask("PATCH", one, { student_name: "Ann" }, version)).status, 412);
  assert.equal((await ask("POST", `${one}/approve`)).status, 200);
  assert.equal((await ask("POST", `${one}/send_for_review`)).status, 200);
  assert.equal((await ask("POST", `/api/records/${records.noGrade.submission_id}/approve`)).status, 409);
  assert.equal((await ask("POST", `${one}/delete`)).status, 200);
  assert.equal((await ask("GET", one)).status, 404);
  assert.equal((await ask("POST", "/api/bulk_delete_records", { ids: [records.k.submission_id, "000000000000"] })).answer.deleted, 1);
});
