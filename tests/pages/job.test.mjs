/* The page of one job: its stages, who works on it, how it ended. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { closePage, launch, newPage } from "./browser.mjs";
import { FakeGateway } from "./fake-gateway.mjs";

let browser;
let gateway;
let page;
before(async () => (browser = await launch()));
after(() => browser.close());
beforeEach(async () => {
  gateway = await new FakeGateway().start();
  gateway.stepMs = null;
  page = await newPage(browser);
});
afterEach(async () => {
  await closePage(page);
  await gateway.stop();
});

const stage = (name) => page.locator(`#stage-${name}`);
const says = (locator, text) => locator.filter({ hasText: text }).first().waitFor();
const state = (name, wanted) => page.waitForFunction(([id, data]) => document.getElementById(id)?.dataset.state === data, [`stage-${name}`, wanted]);

async function open(job) {
  await page.goto(`${gateway.url}/jobs/${job.id}`);
  await page.locator("#overview").waitFor();
}

test("a job that waits shows all stages that are to come", async () => {
  await open(gateway.addJob({ filename: "waits.pdf" }));
  await says(page.locator("#message"), "Waits for a worker");
  assert.equal(await page.locator(".stage").count(), 6);
  assert.equal(await page.locator(".stage[data-state=waiting]").count(), 6);
  assert.equal(await page.title(), "waits.pdf · Sheaf");
});

test("pages that two workers read are counted, and both are named", async () => {
  const job = gateway.addJob({ filename: "twelve.pdf" });
  await open(job);
  gateway.work(job, "store", "host-p");
  gateway.work(job, "inspect", "host-a");
  for (let i = 0; i < 5; i += 1) gateway.work(job, "page", i % 2 ? "host-b" : "host-a");
  await says(stage("page"), "5 of 12 pages");
  await says(stage("page"), "Read by host-a, host-b");
  await state("store", "done");
  await state("page", "working");
  assert.equal(await stage("page").locator("progress").evaluate((bar) => bar.value), 42);
  for (let i = 5; i < 12; i += 1) gateway.work(job, "page");
  await says(stage("page"), "12 of 12 pages");
  await state("page", "done");
});

test("what it waits for is said", async () => {
  const job = gateway.addJob({ filename: "throttled.pdf" });
  gateway.work(job, "store");
  job.message = "Waits for the provider until 10:42.";
  await open(job);
  await says(page.locator("#message"), "Waits for the provider until 10:42.");
});

test("a finished job lists its records, each with a way to its review", async () => {
  const job = gateway.addJob({ filename: "two-students.pdf", entries: 2 });
  await open(job);
  for (const name of ["store", "inspect", "page", "page", "split", "extract", "extract", "save", "save"]) gateway.work(job, name);
  gateway.finish(job);
  await says(page.locator("#records-title"), "2 records");
  await says(page.locator(".record-line"), "Lincoln Elementary · Grade 5 · 31 words");
  await says(page.locator(".record-line .chip"), "Essay short");
  assert.equal(await page.locator("#cancel").isVisible(), false);
  assert.equal(await page.locator("#percent").textContent(), "100 %");
  await page.locator(".record-line a").first().click();
  await page.waitForURL(/\/review\?record=/);
  await page.locator("textarea:enabled").waitFor();
  assert.equal(await page.locator(".record").count(), 1);
});

test("a failed job shows text, code and stage, and can be tried again", async () => {
  const job = gateway.addJob({ filename: "broken.pdf" });
  gateway.work(job, "store");
  gateway.work(job, "inspect");
  gateway.work(job, "page");
  gateway.failJob(job, { text: "The file is encrypted.", code: "encrypted", stage: "page" });
  await open(job);
  await says(page.locator("#problem"), "The file is encrypted.");
  await says(page.locator("#problem code"), "encrypted");
  await state("page", "failed");
  await page.getByRole("button", { name: "Try again" }).click();
  await says(page.locator("#status"), "Waiting");
  await page.locator("#problem").waitFor({ state: "hidden" });
  gateway.work(job, "page");
  await says(page.locator("#status"), "In progress");
});

test("an older answer that comes late does not put an end to a job that is tried again", async () => {
  const job = gateway.addJob({ filename: "again.pdf" });
  gateway.work(job, "store");
  gateway.failJob(job);
  job.stages.push({ stage: "notify", done: 0, total: 1, started_at: null, finished_at: null, workers: [] });
  await open(job);
  await says(page.locator("#status"), "Failed");
  const asked = gateway.requests("GET", "/api/job_status").length;
  const release = gateway.hold("GET", `/api/job_status/${job.id}`);
  for (let i = 0; i < 100 && gateway.requests("GET", "/api/job_status").length === asked; i += 1) await page.waitForTimeout(50);
  await page.getByRole("button", { name: "Try again" }).click();
  await says(page.locator("#status"), "Waiting");
  const answer = page.waitForResponse((response) => response.url().includes("/api/job_status/"));
  release();
  await (await answer).finished();
  await page.evaluate(() => new Promise((taken) => setTimeout(taken)));
  assert.equal(await page.locator("#status").textContent(), "Waiting");
  gateway.work(job, "inspect");
  await says(page.locator("#status"), "In progress");
});

test("a job that is tried again goes on here, though the answer to that was lost", async () => {
  const job = gateway.addJob({ filename: "again.pdf" });
  gateway.failJob(job);
  await open(job);
  gateway.fail("POST", `/api/jobs/${job.id}/retry`, { status: 0, after: true });
  await page.getByRole("button", { name: "Try again" }).click();
  await says(page.locator("#status"), "Waiting");
  assert.equal(await page.locator("#action-error").textContent(), "");
  gateway.work(job, "store");
  await says(page.locator("#status"), "In progress");
});

test("a job can be cancelled; a refusal is said", async () => {
  const job = gateway.addJob({ filename: "unwanted.pdf" });
  await open(job);
  gateway.fail("POST", "/api/jobs", { status: 409, code: "conflict", text: "This job has ended already." });
  await page.getByRole("button", { name: "Cancel this job" }).click();
  await says(page.locator("#action-error"), "This job has ended already.");
  await page.getByRole("button", { name: "Cancel this job" }).click();
  await says(page.locator("#status"), "Cancelled");
  await page.getByRole("button", { name: "Try again" }).waitFor();
});

test("a job that does not exist is said so, and the page does not ask for ever", async () => {
  await page.goto(`${gateway.url}/jobs/00000000-0000-8000-8000-000000000000`);
  await says(page.locator("#problem"), "There is no such job");
  await page.waitForTimeout(1500);
  assert.equal(gateway.requests("GET", "/api/job_status").length, 1);
});

test("a server that is away for a moment is asked again", async () => {
  const job = gateway.addJob({ filename: "patience.pdf" });
  gateway.fail("GET", "/api/job_status", { status: 503, code: "unavailable", text: "Redis is away.", times: 1 });
  await page.goto(`${gateway.url}/jobs/${job.id}`);
  await says(page.locator("#problem"), "Redis is away.");
  await says(page.locator("h1"), "patience.pdf");
  await page.locator("#problem").waitFor({ state: "hidden" });
});

test("the way back leads to the batch", async () => {
  const job = gateway.addJob({ filename: "back.pdf" });
  await open(job);
  await page.getByRole("link", { name: "Upload" }).last().click();
  await page.waitForURL(new RegExp(`\\?batch=${job.batch.id}$`));
  await says(page.locator(".file-name"), "back.pdf");
});
