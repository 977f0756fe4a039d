/* Every page in every state worth looking at: accessible, light and dark, and on a phone without scrolling sideways.
 * SCREENSHOTS=folder keeps the pictures. */
import { after, before, test } from "node:test";
import { assertAccessible, assertNoSidewaysScroll, closePage, launch, newPage, pdf, PHONE, shot } from "./browser.mjs";
import { FakeGateway } from "./fake-gateway.mjs";
import { seed } from "./fake-records.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const LOOKS = { light: {}, dark: { colorScheme: "dark" }, phone: { viewport: PHONE, hasTouch: true, isMobile: true }, "phone, dark": { viewport: PHONE, colorScheme: "dark", isMobile: true } };

for (const [look, options] of Object.entries(LOOKS)) {
  async function withPage(run) {
    const gateway = await new FakeGateway().start();
    gateway.stepMs = null;
    const page = await newPage(browser, options);
    const judge = async (name) => {
      await shot(page, `${look}-${name}`);
      await assertAccessible(page, name);
      if (look.startsWith("phone")) await assertNoSidewaysScroll(page, name);
    };
    await run(page, gateway, judge);
    await closePage(page);
    await gateway.stop();
  }

  test(`the dashboard is good to use: ${look}`, () => withPage(async (page, gateway, judge) => {
    seed(gateway.records);
    await page.goto(gateway.url);
    await page.locator("#waiting a").waitFor();
    await judge("dashboard-empty");
    gateway.workers[2].workers = 0;
    const long = `${"a-very-long-file-name-without-any-space-".repeat(4)}.pdf`;
    await page.setInputFiles("#files", [pdf("class 5b.pdf", 90_000), pdf("fail.pdf"), pdf(long), { name: "notes.pdf", mimeType: "application/pdf", buffer: Buffer.from("text: hello") }]);
    await page.waitForFunction(() => document.querySelectorAll(".file-name a").length === 3);
    const [one, two, three] = gateway.jobs.values();
    for (const stage of ["store", "inspect", "page"]) gateway.work(one, stage);
    gateway.failJob(two);
    await page.locator(".file-state", { hasText: "In progress" }).waitFor();
    await judge("dashboard-running");
    gateway.finish(one);
    gateway.finish(three);
    await page.locator(".result").waitFor();
    await judge("dashboard-failed");
  }));

  test(`the job page is good to use: ${look}`, () => withPage(async (page, gateway, judge) => {
    const job = gateway.addJob({ filename: "twelve pages, scanned on Monday.pdf", entries: 2 });
    gateway.work(job, "store");
    gateway.work(job, "inspect");
    for (let i = 0; i < 5; i += 1) gateway.work(job, "page", i % 2 ? "ocr-7f9c" : "ocr-b21d");
    await page.goto(`${gateway.url}/jobs/${job.id}`);
    await page.locator("#stage-page[data-state=working]").waitFor();
    await judge("job-running");
    for (const stage of [...Array(7).fill("page"), "split", "extract", "extract", "save", "save"]) gateway.work(job, stage, "ocr-7f9c");
    gateway.finish(job);
    await page.locator(".record-line").first().waitFor();
    await judge("job-finished");
    const bad = gateway.addJob({ filename: "encrypted.pdf" });
    gateway.work(bad, "store");
    gateway.failJob(bad, { text: "The file is encrypted. Save it without a password and upload it again.", code: "encrypted", stage: "inspect" });
    await page.goto(`${gateway.url}/jobs/${bad.id}`);
    await page.locator("#problem code").waitFor();
    await judge("job-failed");
  }));

  test(`the review list is good to use: ${look}`, () => withPage(async (page, gateway, judge) => {
    await page.goto(`${gateway.url}/review`);
    await page.locator(".empty").waitFor();
    await judge("review-empty");
    const records = seed(gateway.records);
    await page.goto(`${gateway.url}/review`);
    await page.locator(".record").first().waitFor();
    await judge("review");
    const { submission_id: id } = records.disagree;
    await page.locator(`#record-${id} .record-name`).click();
    await page.locator(`#essay_text-${id}:enabled`).waitFor();
    await page.locator(`#student_name-${id}`).fill("Elif K.");
    gateway.records.edit(id, null, { student_name: "Elif Kaya-Demir" });
    await page.locator(`#record-${id} button[type=submit]`).click();
    await page.locator(`#record-${id} .newer:visible`).waitFor();
    await page.locator(`#record-${records.short.submission_id} input[type=checkbox]`).check();
    await judge("review-open");
    await page.locator("#bulk-delete").click();
    await page.getByRole("dialog").waitFor();
    await judge("review-delete");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.locator(`#record-${records.short.submission_id} .record-head .button`).click();
    await page.locator("#toast").waitFor();
    await judge("review-approved-one");
  }));
}
