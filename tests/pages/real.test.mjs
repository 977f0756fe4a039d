/* The whole way in a real browser against a real stack: BASE_URL=http://127.0.0.1:8080 SAMPLES=folder-or-file[,…] node --test
 * Skipped without BASE_URL.  It leaves its records in that stack, so it is for one that is started for tests. */
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll, closePage, launch, newPage, pdf, PHONE } from "./browser.mjs";
import { checkAnswer } from "./openapi.mjs";

const BASE = process.env.BASE_URL?.replace(/\/$/, "");
const options = { skip: BASE ? false : "BASE_URL is not set", timeout: 300_000 };
const DONE_MS = 240_000;
let browser;
let samples = [];

before(async () => {
  if (!BASE) return;
  browser = await launch();
  for (const path of (process.env.SAMPLES ?? "").split(",").filter(Boolean)) {
    const names = (await stat(path)).isDirectory() ? (await readdir(path)).map((name) => join(path, name)) : [path];
    samples.push(...names.filter((name) => /\.(pdf|png|jpe?g|tiff?)$/i.test(name)));
  }
});
after(() => browser?.close());

/* Each JSON answer that the page gets is held against openapi.json. */
function watchAnswers(page) {
  const wrong = [];
  page.on("response", async (response) => {
    const url = new URL(response.url());
    if (!/^\/(api|upload)/.test(url.pathname) || url.pathname === "/api/events") return;
    try {
      wrong.push(...checkAnswer(response.request().method(), url.pathname, response.status(), response.headers()["content-type"] ?? "", await response.json()));
    } catch {
      /* The page went elsewhere before the body was read. */
    }
  });
  return wrong;
}

/* A drop, as a person does it; the bytes of the files come through the page. */
async function drop(page, files) {
  const data = await Promise.all(files.map(async (path) => ({ name: basename(path), base64: (await readFile(path)).toString("base64") })));
  const transfer = await page.evaluateHandle((all) => {
    const made = new DataTransfer();
    for (const { name, base64 } of all) made.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    return made;
  }, data);
  for (const event of ["dragenter", "dragover", "drop"]) await page.dispatchEvent("#drop", event, { dataTransfer: transfer });
}

test("the pages are served with a strict policy, and openapi.json with them", options, async () => {
  for (const path of ["/", "/review"]) {
    const response = await fetch(BASE + path, { headers: { Accept: "text/html" } });
    assert.match(response.headers.get("content-type"), /^text\/html/, path);
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'self'/, path);
    assert.doesNotMatch(response.headers.get("content-security-policy"), /unsafe/, path);
  }
  const ours = JSON.parse(await readFile(new URL("../../gateway/web/openapi.json", import.meta.url)));
  assert.deepEqual(await (await fetch(`${BASE}/openapi.json`)).json(), ours);
  for (const name of await readdir(new URL("../../gateway/web/", import.meta.url))) {
    if (!/\.(js|css|svg)$/.test(name)) continue;
    assert.equal((await fetch(`${BASE}/static/${name}`)).status, 200, `${name} is not built into the gateway`);
  }
  assert.equal((await fetch(`${BASE}/static/nothing.js`)).status, 404);
});

test("answers without a page are as openapi.json says", options, async () => {
  const asks = [["GET", "/api/worker_status"], ["GET", "/api/queues"], ["GET", "/api/db_stats"], ["GET", "/api/records?limit=2"], ["GET", "/api/records?mode=nonsense"],
    ["GET", "/api/job_status/nobody"], ["GET", "/api/batch_status?batch_id=nobody"], ["GET", "/api/records/000000000000"], ["POST", "/api/jobs/nobody/retry"], ["POST", "/api/batches", { expected: 1 }],
    ["GET", "/export?format=csv"], ["POST", "/api/bulk_delete_records", { ids: ["000000000000"] }], ["POST", "/api/bulk_delete_records", {}]];
  const wrong = [];
  for (const [method, path, body] of asks) {
    const response = await fetch(BASE + path, { method, headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
    const type = response.headers.get("content-type") ?? "";
    const answer = type.startsWith("application/json") ? await response.json() : await response.text();
    wrong.push(...checkAnswer(method, path.split("?")[0], response.status, type, answer));
  }
  assert.deepEqual(wrong, []);
});

test("dropped forms are read, shown for review, put right, approved and exported", options, async (t) => {
  if (samples.length === 0) return t.skip("SAMPLES is not set");
  const page = await newPage(browser);
  page.setDefaultTimeout(30_000);
  const wrong = watchAnswers(page);
  await page.goto(BASE);
  await drop(page, samples);
  await page.waitForFunction((n) => document.querySelectorAll(".file").length === n, samples.length);
  await page.waitForURL(/\?batch=/);
  const batch = new URL(page.url()).searchParams.get("batch");
  const jobHref = await page.locator(".file-name a").first().getAttribute("href"); // while it is here: when all is done, the page moves on
  const failure = page.locator(".file[data-state=failed]").first().waitFor({ timeout: DONE_MS }).catch(() => {});
  await Promise.race([page.waitForURL(/\/review\?/, { timeout: DONE_MS }), failure]);
  const ended = await (await fetch(`${BASE}/api/batch_status?batch_id=${batch}`)).json();
  assert.deepEqual([ended.completed, ended.failed], [samples.length, 0], "every sample is read");
  assert.equal(new URL(page.url()).searchParams.get("batch"), batch);

  /* A record to work on: of the first list that has one. */
  await page.locator(".record, .empty").first().waitFor();
  if ((await page.locator(".record").count()) === 0) {
    await page.goto(`${BASE}/review?mode=approved&batch=${batch}`);
    await page.locator(".record").first().waitFor();
  }
  const id = (await page.locator(".record").first().getAttribute("id")).replace("record-", "");
  await page.goto(`${BASE}/review?record=${id}`);
  const card = page.locator(`#record-${id}`);
  const input = (name) => page.locator(`#${name}-${id}`);
  await page.locator(`#essay_text-${id}:enabled`).waitFor();
  await assertAccessible(page, "one real record");
  await page.setViewportSize(PHONE);
  await assertNoSidewaysScroll(page, "one real record on a phone");
  await page.setViewportSize({ width: 1200, height: 900 });
  for (const [name, value] of [["student_name", "Paz Example"], ["school_name", "Page Test School"], ["grade", "4"], ["teacher_name", "Ms. Trial"]]) await input(name).fill(value);
  await card.getByRole("button", { name: "Save", exact: true }).click();
  await card.locator("[role=status]", { hasText: "Saved." }).waitFor();
  assert.match(await page.locator(`#grade-${id}-evidence`).textContent(), /typed by a person/);
  await card.locator(".record-body").getByRole("button", { name: "Send for review" }).click();
  await card.locator(".chip", { hasText: "Sent for review" }).waitFor();
  await card.getByRole("button", { name: "Approve Paz Example" }).click();
  await card.locator(".chip:not(.accepted)").first().waitFor({ state: "detached" });

  await page.goto(`${BASE}/review?mode=approved&school=Page+Test+School`);
  await page.locator(".record-name", { hasText: "Paz Example" }).first().waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export CSV of Page Test School", exact: true }).click()]);
  assert.match(download.suggestedFilename(), /^school_.*\.csv$/);
  const csv = await readFile(await download.path(), "utf8");
  assert.match(csv, /^submission_id,student_name,/);
  assert.ok(csv.includes(id) && csv.includes("Ms. Trial"));

  await page.goto(BASE + jobHref);
  await page.locator("#stage-save[data-state=done]").waitFor();
  assert.match(await page.locator("#stage-page .stage-note").textContent(), /Read by /);
  await assertAccessible(page, "a real job");
  assert.deepEqual(wrong, []);
  await closePage(page);
});

test("what cannot be read is refused with the server's words, and nothing hangs", options, async () => {
  const page = await newPage(browser);
  page.setDefaultTimeout(60_000);
  const wrong = watchAnswers(page);
  await page.goto(BASE);
  await page.setInputFiles("#files", [
    { name: "empty.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(0) },
    { name: `../../"quotes" <b>&amp; 😀.pdf`, mimeType: "application/pdf", buffer: Buffer.from("just some text, not a PDF at all") },
    { name: "huge.pdf", mimeType: "application/pdf", buffer: pdf("huge", 27 * 1024 * 1024).buffer },
  ]);
  await page.locator(".batch[data-done=yes]").waitFor();
  assert.equal(await page.locator(".file[data-state=failed]").count(), 3);
  for (const text of await page.locator(".file-detail").allTextContents()) assert.ok(text.length > 10, "each says why");
  assert.equal(new URL(page.url()).pathname, "/");
  assert.deepEqual(wrong, []);
  await closePage(page);
});
