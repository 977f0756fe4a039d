/* The dashboard: files go up, each with its progress; the page follows them and leaves when all is done. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { closePage, launch, newPage, pdf } from "./browser.mjs";
import { FakeGateway } from "./fake-gateway.mjs";

let browser;
let gateway;
let page;
before(async () => (browser = await launch()));
after(() => browser.close());
beforeEach(async () => {
  gateway = await new FakeGateway().start();
  page = await newPage(browser);
});
afterEach(async () => {
  await closePage(page);
  await gateway.stop();
});

const choose = (files) => page.setInputFiles("#files", files);
const row = (name) => page.locator(".file", { hasText: name });
const says = (locator, text) => locator.filter({ hasText: text }).first().waitFor();
const number = async (name) => Number(await page.locator(`[data-count=${name}]`).textContent());

/* The files of a real drop, as the browser hands them over. */
async function drop(target, files) {
  const transfer = await page.evaluateHandle((names) => {
    const made = new DataTransfer();
    for (const name of names) made.items.add(new File([`%PDF-1.4 ${name}`], name, { type: "application/pdf" }));
    return made;
  }, files);
  for (const event of ["dragenter", "dragover", "drop"]) await page.dispatchEvent(target, event, { dataTransfer: transfer });
}

test("dropped files become one batch, and the page goes to its review list when all is done", async () => {
  await page.goto(gateway.url);
  await drop("#drop", ["one.pdf", "two.pdf", "three.pdf", "four.pdf", "five.pdf"]);
  await page.waitForURL(/\/review\?/);
  const [batch] = gateway.batches.values();
  assert.equal(gateway.batches.size, 1);
  assert.equal(batch.jobs.length, 5);
  assert.equal(new URL(page.url()).searchParams.get("batch"), batch.id);
  const keys = gateway.requests("POST", "/upload").map(({ fields }) => fields.idempotency_key);
  assert.equal(new Set(keys).size, 5, "each file has a key of its own");
  await page.getByRole("button", { name: "Ana Luz Marin", exact: true }).first().waitFor();
});

test("a drop beside the target counts as well", async () => {
  await page.goto(gateway.url);
  await drop("h1", ["beside.pdf"]);
  await says(page.locator(".file-state"), "Finished");
});

test("a dropped file name is shown as text, whatever it holds", async () => {
  await page.goto(gateway.url);
  const name = `<img src=x onerror=alert(1)> "quoted" ..%2f 😀.pdf`;
  await choose([pdf(name)]);
  await says(page.locator(".file-name"), name);
  await says(page.locator(".file-state"), "Finished");
});

/* Answers how many uploads were under way at once so far. */
function mostUploads() {
  let most = 0;
  let now = 0;
  gateway.server.on("request", (request, response) => {
    if (request.url !== "/upload") return;
    now += 1;
    most = Math.max(most, now);
    response.on("close", () => (now -= 1));
  });
  return () => most;
}

test("at most three files are under way at once", async () => {
  gateway.readMs = 40;
  const most = mostUploads();
  await page.goto(gateway.url);
  await choose(Array.from({ length: 9 }, (_, i) => pdf(`${i}.pdf`)));
  await page.waitForURL(/\/review\?/, { timeout: 20_000 });
  assert.equal(most(), 3);
});

test("a second drop takes turns with the first, and still not more than three files are under way", async () => {
  gateway.readMs = 300;
  const most = mostUploads();
  await page.goto(gateway.url);
  await choose(Array.from({ length: 15 }, (_, i) => pdf(`early-${i}.pdf`)));
  await choose([pdf("late-1.pdf"), pdf("late-2.pdf")]);
  await page.waitForFunction(() => document.querySelectorAll(".file-name a").length === 17);
  assert.equal(most(), 3);
  const order = gateway.requests("POST", "/upload").map(({ fields }) => fields.files[0].filename);
  assert.ok(order.indexOf("late-2.pdf") < order.indexOf("early-14.pdf"), `a batch that nothing is sent for is closed: ${order}`);
});

test("many small drops leave the browser connections to send with", async () => {
  gateway.stepMs = null;
  await page.goto(gateway.url);
  for (let i = 1; i <= 8; i += 1) {
    await choose([pdf(`drop-${i}.pdf`)]);
    await row(`drop-${i}.pdf`).filter({ hasText: "waits for a worker" }).waitFor({ timeout: 10_000 });
  }
  assert.equal(gateway.streams.size, 2);
  gateway.finish([...gateway.jobs.values()].at(-1));
  await row("drop-8.pdf").filter({ hasText: "Finished" }).waitFor({ timeout: 10_000 });   /* by polling */
  gateway.finish([...gateway.jobs.values()][0]);
  await row("drop-1.pdf").filter({ hasText: "Finished" }).waitFor({ timeout: 10_000 });
});

test("a batch of more jobs than its status lists comes to its end on the page", async () => {
  gateway.listed = 2;
  gateway.stepMs = 60;
  await page.goto(gateway.url);
  await choose(Array.from({ length: 5 }, (_, i) => pdf(`many-${i}.pdf`)));
  await says(page.locator(".result"), "Everything is done");
  assert.equal(await page.locator(".file-state", { hasText: "Finished" }).count(), 5);
});

test("upload progress moves while bytes leave, then the job's own progress", async () => {
  gateway.readMs = 30;
  gateway.stepMs = null;
  await page.goto(gateway.url);
  await choose([pdf("large.pdf", 6_000_000)]);
  await says(row("large.pdf"), /Uploading [1-9]\d? %/);
  await says(row("large.pdf"), "waits for a worker");
  const [job] = gateway.jobs.values();
  for (const stage of ["store", "inspect", "page"]) gateway.work(job, stage);
  await says(row("large.pdf"), "In progress 42 %");
  assert.equal(await row("large.pdf").locator("progress").evaluate((bar) => bar.value), 42);
  assert.equal(await number("in_progress"), 1);
});

test("counts add what the server counts to what only the page knows", async () => {
  gateway.stepMs = null;
  await page.goto(gateway.url);
  await choose([pdf("a.pdf"), pdf("b.pdf"), pdf("c.pdf"), { name: "empty.pdf", mimeType: "application/pdf", buffer: Buffer.alloc(0) }]);
  await says(row("empty.pdf"), "the file is empty");
  await page.waitForFunction(() => document.querySelectorAll(".file-name a").length === 3);
  const [a, b] = gateway.jobs.values();
  gateway.work(a, "store");
  gateway.finish(b);
  await page.waitForFunction(() => document.querySelector("[data-count=completed]").textContent === "1");
  assert.deepEqual([await number("total"), await number("completed"), await number("in_progress"), await number("pending"), await number("failed")], [4, 1, 1, 1, 1]);
  assert.match(await page.locator("[data-count=remaining]").textContent(), /about 8 s/);
});

test("a refused file shows the server's words, the others go on, and the page stays", async () => {
  await page.goto(gateway.url);
  await choose([pdf("good.pdf"), { name: "letter.pdf", mimeType: "application/pdf", buffer: Buffer.from("text: hello") }]);
  await says(row("letter.pdf"), "this kind of file cannot be read");
  await says(page.locator(".result"), "1 of 2 files could not be processed");
  await page.waitForTimeout(500);
  assert.equal(new URL(page.url()).pathname, "/");
  assert.match(await page.locator(".result a").getAttribute("href"), /^\/review\?mode=needs_review&batch=/);
  assert.equal(gateway.requests("POST", "/api/batches/").length, 1, "the batch is closed, it would wait for the refused file");
  assert.equal(gateway.requests("POST", "/upload").length, 2, "a refusal is not sent again");
});

test("a failed job shows why, and can be tried again from here", async () => {
  await page.goto(gateway.url);
  await choose([pdf("fails.pdf")]);
  await says(row("fails.pdf"), "The file is damaged");
  await says(page.locator(".result"), "1 of 1 file could not be processed");
  await row("fails.pdf").getByRole("button", { name: "Try again" }).click();
  await says(row("fails.pdf"), "Finished");
});

test("what a job that is tried again has come to meanwhile stands", async () => {
  gateway.stepMs = null;
  await page.goto(gateway.url);
  await choose([pdf("again.pdf"), pdf("other.pdf")]);
  await page.waitForFunction(() => document.querySelectorAll(".file-name a").length === 2);
  const job = [...gateway.jobs.values()].find(({ filename }) => filename === "again.pdf");
  gateway.failJob(job);
  const release = gateway.hold("POST", `/api/jobs/${job.id}/retry`);
  await row("again.pdf").getByRole("button", { name: "Try again" }).click();
  for (let i = 0; i < 100 && job.status === "failed"; i += 1) await page.waitForTimeout(50);
  gateway.finish(job);
  await says(row("again.pdf"), "Finished");
  const answer = page.waitForResponse((response) => response.url().endsWith("/retry"));
  release();
  await (await answer).finished();
  await page.evaluate(() => new Promise((taken) => setTimeout(taken)));
  assert.match(await row("again.pdf").textContent(), /Finished/);
});

test("a file that is tried again goes on here, though the answer to that was lost", async () => {
  await page.goto(gateway.url);
  await choose([pdf("fails.pdf")]);
  await says(page.locator(".result"), "1 of 1 file could not be processed");
  gateway.fail("POST", "/api/jobs/", { status: 0, after: true });
  await row("fails.pdf").getByRole("button", { name: "Try again" }).click();
  await says(row("fails.pdf"), "Finished");
});

test("a full queue is waited for as long as the server says, with the same key", async () => {
  gateway.fail("POST", "/upload", { retryAfter: 1, times: 2 });
  await page.goto(gateway.url);
  const begun = Date.now();
  await choose([pdf("patient.pdf")]);
  await says(row("patient.pdf"), "The queue is full. Next try in 1 s.");
  await says(row("patient.pdf"), "Finished");
  assert.ok(Date.now() - begun >= 2000);
  const uploads = gateway.requests("POST", "/upload");
  assert.equal(uploads.length, 3);
  assert.equal(gateway.jobs.size, 1);
});

test("an upload whose answer was lost is sent again and makes one job", async () => {
  gateway.fail("POST", "/upload", { status: 0, after: true });
  await page.goto(gateway.url);
  await choose([pdf("lost-answer.pdf")]);
  await says(row("lost-answer.pdf"), "Finished");
  const keys = gateway.requests("POST", "/upload").map(({ fields }) => fields.idempotency_key);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.equal(gateway.jobs.size, 1);
});

test("a job that ends before the page has the answer to its upload is shown as what it is", async () => {
  const release = gateway.hold("POST", "/upload");
  await page.goto(gateway.url);
  await choose([pdf("overtakes.pdf")]);
  await page.locator("[data-count=completed]", { hasText: "1" }).waitFor();
  release();
  await row("overtakes.pdf").filter({ hasText: "Finished" }).waitFor({ timeout: 10_000 });   /* before the page looks by itself */
  await says(page.locator(".result"), "Everything is done");
});

test("what others add to the batch while files go up is shown, too", async () => {
  const release = gateway.hold("POST", "/upload");
  await page.goto(gateway.url);
  await choose([pdf("mine.pdf")]);
  await page.locator("[data-count=completed]", { hasText: "1" }).waitFor();
  gateway.addJob({ filename: "theirs.pdf", batch: [...gateway.batches.values()][0] });
  await page.locator("[data-count=completed]", { hasText: "2" }).waitFor();
  release();
  await row("theirs.pdf").filter({ hasText: "Finished" }).waitFor({ timeout: 10_000 });
});

test("a batch that cannot be opened for a moment is opened later", async () => {
  gateway.fail("POST", "/api/batches", { retryAfter: 1, text: "Redis is away." });
  await page.goto(gateway.url);
  await choose([pdf("later.pdf")]);
  await says(row("later.pdf"), "Redis is away.");
  await says(row("later.pdf"), "Finished");
});

test("a reload goes on showing the batch, with what was refused", async () => {
  gateway.stepMs = null;
  await page.goto(gateway.url);
  await choose([pdf("slow.pdf"), { name: "bad.pdf", mimeType: "application/pdf", buffer: Buffer.from("text: hello") }]);
  await says(row("bad.pdf"), "Refused");
  await says(row("slow.pdf"), "waits for a worker");
  await page.waitForURL(/batch=/);
  await page.reload();
  await says(row("bad.pdf"), "this kind of file cannot be read");
  await says(row("slow.pdf"), "waits for a worker");
  assert.equal(await page.locator(".file").count(), 2);
  const [job] = gateway.jobs.values();
  gateway.work(job, "store");
  await says(row("slow.pdf"), "In progress");
});

test("a reload goes on showing each batch of the page of which something is still to come", async () => {
  gateway.stepMs = null;
  page.on("dialog", (dialog) => dialog.accept());
  await page.goto(gateway.url);
  for (const name of ["done.pdf", "first.pdf", "second.pdf"]) {
    await choose([pdf(name)]);
    await says(row(name), "waits for a worker");
    if (name === "done.pdf") gateway.finish([...gateway.jobs.values()][0]);
  }
  await says(row("done.pdf"), "Finished");
  await page.reload();
  await says(row("first.pdf"), "waits for a worker");
  await says(row("second.pdf"), "waits for a worker");
  assert.equal(await row("done.pdf").count(), 0);
  assert.equal(new URL(page.url()).searchParams.get("batch"), [...gateway.batches.keys()].at(-1));
  for (const job of gateway.jobs.values()) if (job.status === "queued") gateway.finish(job);
  await says(row("first.pdf"), "Finished");
});

test("after a reload in the middle of sending, the files that were not sent are named and not waited for", async () => {
  gateway.readMs = 200;
  page.on("dialog", (dialog) => dialog.accept());
  await page.goto(gateway.url);
  await choose([pdf("first.pdf"), pdf("big-one.pdf", 8_000_000), pdf("big-two.pdf", 8_000_000), pdf("big-three.pdf", 8_000_000)]);
  await says(row("first.pdf"), "Finished");
  await page.reload();
  await says(row("big-three.pdf"), "Not sent: the page was closed before.");
  await says(page.locator(".result"), "3 of 4 files could not be processed.");
  assert.equal([...gateway.batches.values()][0].sealed, true);
});

test("a file whose upload was stored, but not answered before the page was closed, is not called unsent", async () => {
  gateway.stepMs = null;
  page.on("dialog", (dialog) => dialog.accept());
  const release = gateway.hold("POST", "/upload");
  await page.goto(gateway.url);
  await choose([pdf("stored.pdf")]);
  for (let i = 0; i < 100 && gateway.jobs.size === 0; i += 1) await page.waitForTimeout(50);
  await page.reload();
  await says(row("stored.pdf"), "waits for a worker");
  assert.equal(await page.locator(".file").count(), 1);
  assert.deepEqual([await number("total"), await number("failed")], [1, 0]);
  release();
});

test("the address of a batch shows it in another browser as well", async () => {
  gateway.stepMs = null;
  const batch = gateway.openBatch(2);
  gateway.addJob({ filename: "elsewhere.pdf", batch });
  await page.goto(`${gateway.url}/?batch=${batch.id}`);
  await says(row("elsewhere.pdf"), "waits for a worker");
});

test("a batch that is done when it is opened does not send anybody away", async () => {
  gateway.stepMs = null;
  const batch = gateway.openBatch(1);
  gateway.finish(gateway.addJob({ filename: "old.pdf", batch }));
  await page.goto(`${gateway.url}/?batch=${batch.id}`);
  await says(page.locator(".result"), "Everything is done");
  assert.equal(await page.locator("#leaving").count(), 0);
});

test("a batch that is not known any more is said so", async () => {
  await page.goto(`${gateway.url}/?batch=00000000-0000-8000-8000-000000000000`);
  await says(page.locator(".result"), "not known any more");
});

test("one may stay when all is done", async () => {
  await page.clock.install();
  await page.goto(gateway.url);
  await choose([pdf("stay.pdf")]);
  await says(page.locator("#leaving"), "The review list opens in 4 s.");
  await page.clock.runFor(2_000);
  await says(page.locator("#leaving"), "The review list opens in 2 s.");
  await page.getByRole("button", { name: "Stay here" }).click();
  assert.equal(await page.locator("#leaving").count(), 0);
  await page.clock.runFor(10_000);
  assert.equal(new URL(page.url()).pathname, "/");
});

test("no worker is listening: the page says which, and stops saying so", async () => {
  gateway.workers.find((one) => one.stage === "page").workers = 0;
  await page.clock.install();
  await page.goto(gateway.url);
  await says(page.locator("#workers"), "No worker is listening for “Read the pages” (ocr-svc is not running)");
  gateway.workers.find((one) => one.stage === "page").workers = 1;
  await page.clock.runFor(11_000);
  await page.locator("#workers").waitFor({ state: "hidden" });
  gateway.dispatchers = [];
  await page.reload();
  await says(page.locator("#workers"), "No dispatcher is running");
});

test("a refused stream is replaced by polling", async () => {
  gateway.refuseStreams = true;
  gateway.stepMs = 60;
  await page.goto(gateway.url);
  await choose([pdf("polled.pdf")]);
  await says(row("polled.pdf"), "Finished");
  assert.ok(gateway.requests("GET", "/api/batch_status").length >= 2);
});

test("a broken stream is opened again with the last event's id", async () => {
  gateway.stepMs = null;
  await page.goto(gateway.url);
  await choose([pdf("broken.pdf")]);
  await says(row("broken.pdf"), "waits for a worker");
  await page.waitForFunction(() => document.querySelectorAll(".file-name a").length === 1);
  const [job] = gateway.jobs.values();
  gateway.work(job, "store");
  await says(row("broken.pdf"), "In progress");
  gateway.dropStreams();
  gateway.work(job, "inspect");
  await says(row("broken.pdf"), "In progress 33 %");
  for (let i = 0; i < 100 && gateway.streams.size === 0; i += 1) await page.waitForTimeout(100);
  const [stream] = gateway.streams;
  assert.ok(Number(stream.lastEventId) > 0);
});

/* A drop as the browser's own entries give it, which a scripted DataTransfer cannot: files that are read, files and folders that cannot be. */
const dropEntries = (entries) => page.evaluate((kinds) => {
  const fails = (_, failed) => failed(new DOMException("away", "NotReadableError"));
  const made = Object.entries(kinds).map(([name, kind]) => ({
    name, isFile: kind !== "folder away", file: kind === "read" ? (done) => done(new File(["%PDF-1.4"], name)) : fails, createReader: () => ({ readEntries: fails }),
  }));
  const drop = new Event("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(drop, "dataTransfer", { value: { types: ["Files"], items: made.map((one) => ({ kind: "file", webkitGetAsEntry: () => one })) } });
  document.body.dispatchEvent(drop);
}, entries);

test("what cannot be read of a drop is named, and the rest is sent", async () => {
  await page.goto(gateway.url);
  await dropEntries({ "locked.pdf": "locked", "good.pdf": "read", away: "folder away" });
  await says(row("good.pdf"), "Finished");
  await says(row("locked.pdf"), "It cannot be read on this computer.");
  await says(row("away"), "It cannot be read on this computer.");
  await says(page.locator(".result"), "2 of 3 files could not be processed");
  assert.equal(gateway.requests("POST", "/upload").length, 1);
});

test("a drop of which nothing can be read says so", async () => {
  await page.goto(gateway.url);
  await dropEntries({ "locked.pdf": "locked" });
  await says(page.locator(".result"), "1 of 1 file could not be processed");
  assert.equal(gateway.batches.size, 0, "no batch is opened for nothing");
});

test("a folder is taken with all the files in it", async () => {
  await page.goto(gateway.url);
  /* A scripted drop cannot hold a folder; the code that walks one is given the shape of the browser's own entries. */
  const names = await page.evaluate(async () => {
    const { filesOfDrop } = await import("/static/upload.js");
    const file = (name) => ({ name, isFile: true, file: (done) => done(new File(["x"], name)) });
    const folderOf = (name, ...batches) => ({ name, isFile: false, createReader: () => ({ readEntries: (done) => done(batches.shift() ?? []) }) });
    const tree = folderOf("scans", [file("a.pdf"), file(".DS_Store")], [folderOf("more", [file("b.pdf")])]);
    const items = [{ kind: "file", webkitGetAsEntry: () => tree }, { kind: "string" }, { kind: "file", webkitGetAsEntry: () => file("c.pdf") }];
    return (await filesOfDrop({ items })).map(({ name }) => name);
  });
  assert.deepEqual(names, ["a.pdf", "b.pdf", "c.pdf"]);
});
