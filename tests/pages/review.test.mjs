/* The review list: records by school and grade, put right, approved, deleted, exported. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { closePage, launch, newPage } from "./browser.mjs";
import { FakeGateway } from "./fake-gateway.mjs";
import { seed } from "./fake-records.mjs";

let browser;
let gateway;
let page;
let r;
before(async () => (browser = await launch()));
after(() => browser.close());
beforeEach(async () => {
  gateway = await new FakeGateway().start();
  r = seed(gateway.records);
  page = await newPage(browser);
});
afterEach(async () => {
  await closePage(page);
  await gateway.stop();
});

const card = (record) => page.locator(`#record-${record.submission_id}`);
const input = (record, name) => page.locator(`#${name}-${record.submission_id}`);
const says = (locator, text) => locator.filter({ hasText: text }).first().waitFor();
const shown = () => page.locator(".record-name").allTextContents();
const stored = (record) => gateway.records.all.get(record.submission_id);
const badge = (mode, n) => page.waitForFunction(([id, text]) => document.querySelector(`${id} .badge`).textContent === text, [`#tab-${mode}`, String(n)]);

async function open(path = "/review") {
  await page.goto(gateway.url + path);
  await page.locator(".record, .empty").first().waitFor();
}
/* Lets the answer to the fetch of a record go, which `release` held, and waits until the page has taken it. */
async function arrives(record, release) {
  const answered = page.waitForResponse((response) => response.url().endsWith(`/api/records/${record.submission_id}`));
  release();
  await (await answered).finished();
  await page.evaluate(() => new Promise((taken) => setTimeout(taken)));
}
async function unfold(record) {
  await card(record).locator(".record-name").click();
  await input(record, "student_name").waitFor();
}

test("records stand under their school and grade, with counts", async () => {
  await open();
  await badge("needs_review", 7);
  await badge("approved", 3);
  assert.deepEqual(await page.locator(".level-2 > summary h2").allTextContents(), ["No school 1 record", "Lincoln Elementary 4 records", "Roosevelt Middle School 2 records"]);
  const lincoln = page.locator(".level-2").nth(1);
  assert.deepEqual(await lincoln.locator("h3").allTextContents(), ["No grade 1 record", "Kindergarten 1 record", "Grade 5 2 records"]);
  await lincoln.locator("summary").first().click();
  assert.equal(await card(r.k).isVisible(), false, "a school can be folded");
});

test("reasons are chips that one can read", async () => {
  await open();
  const chip = card(r.disagree).locator(".chip").first();
  assert.equal(await chip.textContent(), "Pages disagree");
  assert.match(await chip.getAttribute("title"), /name different students or schools/);
  await unfold(r.disagree);
  await says(card(r.disagree).locator(".reasons"), "A value was seen outside the pages of this entry.");
});

test("each field says where it was read and how surely", async () => {
  await open();
  await unfold(r.doubtful);
  const evidence = page.locator(`#student_name-${r.doubtful.submission_id}-evidence`);
  assert.equal((await evidence.locator("span").allTextContents()).join("|"), "page 1|62 % sure|read from the scan|“Ana Lnz Marin”");
  assert.equal(await evidence.locator(".doubtful").textContent(), "62 % sure");
  await says(page.locator(`#father_figure_name-${r.doubtful.submission_id}-evidence`), "not found on the page");
  assert.equal(await input(r.doubtful, "student_name").getAttribute("aria-describedby"), `student_name-${r.doubtful.submission_id}-evidence`);
});

test("the essay is fetched when a record is opened", async () => {
  await open();
  await unfold(r.short);
  await page.waitForFunction((id) => document.getElementById(id).value.startsWith("The person who helps me"), `essay_text-${r.short.submission_id}`);
});

test("an edit sends only what differs, with the version that was seen", async () => {
  await open();
  await unfold(r.disagree);
  const before_ = stored(r.disagree).updated_at;
  await input(r.disagree, "teacher_name").fill("Mr. Ito");
  await input(r.disagree, "phone").fill("");
  await card(r.disagree).getByRole("button", { name: "Save", exact: true }).click();
  await says(card(r.disagree), "Saved.");
  const [patch] = gateway.requests("PATCH", "/api/records");
  assert.deepEqual(patch.body, { teacher_name: "Mr. Ito", phone: null });
  assert.equal(patch.headers["if-match"], `"${before_}"`);
  await says(page.locator(`#teacher_name-${r.disagree.submission_id}-evidence`), "typed by a person");
  assert.equal(await card(r.disagree).getByRole("button", { name: "Save", exact: true }).isDisabled(), true);
});

test("a value that the rules refuse is marked at its field, and stays as typed", async () => {
  await open();
  await unfold(r.short);
  await input(r.short, "grade").fill("fourty");
  await input(r.short, "grade").press("Enter");
  await says(card(r.short).getByRole("alert"), "A grade is K or 1 to 12.");
  assert.equal(await input(r.short, "grade").getAttribute("aria-invalid"), "true");
  assert.equal(await input(r.short, "grade").inputValue(), "fourty");
});

test("when somebody else was first, the newer version is shown and the typed text kept", async () => {
  await open();
  await unfold(r.disagree);
  await card(r.disagree).locator("textarea:enabled").waitFor();
  await input(r.disagree, "student_name").fill("Elif K.");
  gateway.records.edit(r.disagree.submission_id, null, { student_name: "Elif Kaya-Demir", city_or_location: "Shelbyville" });
  await card(r.disagree).getByRole("button", { name: "Save", exact: true }).click();
  await says(card(r.disagree).getByRole("alert"), "Somebody else changed this record");
  assert.equal(await input(r.disagree, "student_name").inputValue(), "Elif K.");
  await says(card(r.disagree).locator(".newer"), "Now: Elif Kaya-Demir");
  assert.equal(await input(r.disagree, "city_or_location").inputValue(), "Shelbyville", "what was not touched is brought up to date");
  assert.equal(stored(r.disagree).student_name, "Elif Kaya-Demir");
  await card(r.disagree).getByRole("button", { name: "Save", exact: true }).click();
  await says(card(r.disagree), "Saved.");
  assert.equal(stored(r.disagree).student_name, "Elif K.");
});

test("an essay that comes after a save leaves what was saved", async () => {
  const release = gateway.hold("GET", `/api/records/${r.disagree.submission_id}`);
  await open();
  await unfold(r.disagree);
  await input(r.disagree, "student_name").fill("Elif K.");
  await card(r.disagree).getByRole("button", { name: "Save", exact: true }).click();
  await says(card(r.disagree), "Saved.");
  await arrives(r.disagree, release);
  assert.equal(await input(r.disagree, "student_name").inputValue(), "Elif K.");
  await input(r.disagree, "student_name").fill("Elif Kaya");
  await card(r.disagree).getByRole("button", { name: "Save", exact: true }).click();
  await page.waitForFunction((id) => document.querySelector(`#record-${id} .record-name`).textContent === "Elif Kaya", r.disagree.submission_id);
  assert.equal(stored(r.disagree).student_name, "Elif Kaya");
});

test("an essay that comes after somebody else's change leaves the newer version in sight", async () => {
  const release = gateway.hold("GET", `/api/records/${r.disagree.submission_id}`);
  await open();
  await unfold(r.disagree);
  await input(r.disagree, "student_name").fill("Elif K.");
  gateway.records.edit(r.disagree.submission_id, null, { student_name: "Elif Kaya-Demir" });
  await card(r.disagree).getByRole("button", { name: "Save", exact: true }).click();
  await says(card(r.disagree).locator(".newer"), "Now: Elif Kaya-Demir");
  await arrives(r.disagree, release);
  assert.equal(await card(r.disagree).locator(".newer", { hasText: "Now: Elif Kaya-Demir" }).isVisible(), true);
});

test("what somebody else changed before the record was opened is said, once something is typed", async () => {
  await open();
  const release = gateway.hold("GET", `/api/records/${r.disagree.submission_id}`);
  gateway.records.edit(r.disagree.submission_id, null, { student_name: "Elif Kaya-Demir", city_or_location: "Shelbyville" });
  await unfold(r.disagree);
  await input(r.disagree, "student_name").fill("Elif K.");
  await arrives(r.disagree, release);
  await says(card(r.disagree).getByRole("alert"), "Somebody else changed this record");
  await says(card(r.disagree).locator(".newer"), "Now: Elif Kaya-Demir");
  assert.equal(await input(r.disagree, "student_name").inputValue(), "Elif K.");
  assert.equal(await input(r.disagree, "city_or_location").inputValue(), "Shelbyville");
});

test("the newer value can be taken over", async () => {
  await open();
  await unfold(r.disagree);
  await input(r.disagree, "student_name").fill("Elif K.");
  gateway.records.edit(r.disagree.submission_id, null, { student_name: "Elif Kaya-Demir" });
  await input(r.disagree, "student_name").press("Enter");
  await card(r.disagree).getByRole("button", { name: "Use this" }).click();
  assert.equal(await input(r.disagree, "student_name").inputValue(), "Elif Kaya-Demir");
});

test("an approval that is refused says why, at the record", async () => {
  await open();
  await card(r.noGrade).getByRole("button", { name: "Approve Chloe Nguyen" }).click();
  await says(card(r.noGrade).getByRole("alert"), "A record needs name, school and grade");
  assert.equal(stored(r.noGrade).needs_review, true);
});

test("a version that was not seen is not approved", async () => {
  await open();
  gateway.records.edit(r.short.submission_id, null, { student_name: "Benjamin Carter" });
  await card(r.short).getByRole("button", { name: "Approve Ben Carter" }).click();
  await says(card(r.short).getByRole("alert"), "Somebody else changed this record");
  assert.equal(stored(r.short).needs_review, true);
  assert.equal(await input(r.short, "student_name").inputValue(), "Benjamin Carter");
});

test("an approval takes the record off the list, and can be taken back", async () => {
  await open();
  await card(r.short).getByRole("button", { name: "Approve Ben Carter" }).click();
  await card(r.short).waitFor({ state: "detached" });
  await badge("needs_review", 6);
  await badge("approved", 4);
  await page.getByRole("button", { name: "Send back for review" }).click();
  await card(r.short).waitFor();
  await badge("needs_review", 7);
  assert.match(stored(r.short).review_reason_codes, /SENT_FOR_REVIEW/);
});

test("what was typed is saved before it is approved", async () => {
  await open();
  await unfold(r.noGrade);
  await input(r.noGrade, "grade").fill("6");
  await card(r.noGrade).getByRole("button", { name: "Save and approve" }).click();
  await card(r.noGrade).waitFor({ state: "detached" });
  assert.equal(stored(r.noGrade).grade, "6");
  assert.equal(stored(r.noGrade).needs_review, false);
});

test("a record whose last doubt is mended leaves the list by itself", async () => {
  await open();
  await unfold(r.noGrade);
  await input(r.noGrade, "grade").fill("6");
  await input(r.noGrade, "grade").press("Enter");
  await says(page.locator("#toast"), "Nothing is left to check, so it is approved.");
  await card(r.noGrade).waitFor({ state: "detached" });
});

test("a record moves to the school and grade that it is given", async () => {
  await open();
  await unfold(r.nameless);
  await input(r.nameless, "school_name").fill("Lincoln Elementary");
  await input(r.nameless, "grade").fill("3");
  await input(r.nameless, "grade").press("Enter");
  await says(card(r.nameless), "Saved.");
  const lincoln = page.locator(".level-2", { hasText: "Lincoln Elementary" });
  await page.waitForFunction(() => [...document.querySelectorAll(".level-2")][1].querySelectorAll("h3").length === 4);
  assert.deepEqual((await lincoln.locator("h3").allTextContents()).map((text) => text.replace(/ \d+ records?$/, "").trim()), ["No grade", "Kindergarten", "Grade 3", "Grade 5"]);
  assert.equal(await page.locator(".level-3", { hasText: "Grade 7" }).count(), 0, "the group that it left is gone");
  assert.equal(await page.evaluate(() => document.activeElement.name), "grade", "the focus stays in the field");
});

test("with the keyboard alone: from one record to the next, approving", async () => {
  await open();
  await page.locator("#list-head").waitFor();
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.textContent === "Dario Pena")) break;
  }
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Approve Dario Pena");
  await page.keyboard.press("Enter");
  await card(r.k).waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Ana Luz Marin", "the next record has the focus");
  await page.keyboard.press("Enter");
  await input(r.doubtful, "student_name").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.name), "student_name");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Ana Luz Marín");
  await page.keyboard.press("Enter");
  await card(r.doubtful).waitFor({ state: "detached" });
  assert.equal(stored(r.doubtful).student_name, "Ana Luz Marín");
  assert.equal(stored(r.k).needs_review, false);
  await says(page.locator("#announce"), "Ana Luz Marín is saved.");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Ben Carter");
  await input(r.short, "student_name").waitFor();
});

test("deleting asks first, and Escape means no", async () => {
  await open();
  await unfold(r.short);
  await card(r.short).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel", "the harmless answer has the focus");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.ok(stored(r.short));
  await card(r.short).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await card(r.short).waitFor({ state: "detached" });
  assert.equal(stored(r.short), undefined);
});

test("many are approved at once; those that are refused stay and say why", async () => {
  await open();
  await page.locator("#select-all").check();
  await says(page.locator("#selected"), "7 selected");
  await page.locator("#bulk-approve").click();
  await says(page.locator("#toast"), "4 records approved. 3 could not be");
  assert.deepEqual(await shown(), ["Farid Haddad", "Chloe Nguyen", "No name"]);
  assert.equal(await page.locator(".record [role=alert]:visible").count(), 3);
});

test("many are deleted at once", async () => {
  await open();
  for (const record of [r.k, r.short]) await card(record).getByRole("checkbox").check();
  await page.locator("#bulk-delete").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await says(page.locator("#toast"), "2 records deleted.");
  assert.equal(stored(r.k), undefined);
  assert.equal(await page.locator("#selection").isVisible(), false);
  assert.equal((await shown()).length, 5);
});

test("filters go into the address, and back again", async () => {
  await open();
  await page.locator("select[name=school]").selectOption("Lincoln Elementary");
  await page.waitForURL(/school=Lincoln/);
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 4);
  assert.deepEqual(await page.locator("select[name=grade] option").allTextContents(), ["All grades", "No grade", "Kindergarten", "Grade 5"]);
  await page.locator("select[name=reason]").selectOption("SHORT_ESSAY");
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 2);
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 4);
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 7);
  await page.locator("select[name=school]").selectOption("-");
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 1);
  assert.deepEqual(await shown(), ["Farid Haddad"]);
});

test("a search finds names, and says when there are none", async () => {
  await open();
  await page.getByRole("searchbox").fill("kaya");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 1);
  await page.getByRole("searchbox").fill("nobody at all");
  await page.keyboard.press("Enter");
  await says(page.locator(".empty"), "No record fits");
});

test("the batch in the address narrows the list, also by the name that mails use", async () => {
  const batch = "11111111-1111-8111-8111-111111111111";
  gateway.records.add({ student_name: "Only One", school_name: "Lincoln Elementary", word_count: 3 }, { batch });
  for (const name of ["batch", "upload_batch_id"]) {
    await open(`/review?mode=needs_review&${name}=${batch}`);
    assert.deepEqual(await shown(), ["Only One"]);
  }
  await page.getByRole("button", { name: "Show all" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 8);
});

test("the approved have a list of their own, and can be sent back", async () => {
  await open();
  await page.getByRole("link", { name: /Approved/ }).click();
  await says(page.locator(".record-name"), "Grace Lindqvist");
  assert.equal((await shown()).length, 3);
  await unfold(r.fine);
  await card(r.fine).getByRole("button", { name: "Send for review" }).click();
  await card(r.fine).waitFor({ state: "detached" });
  assert.equal(stored(r.fine).needs_review, true);
});

test("a long list comes in pages", async () => {
  for (let i = 0; i < 120; i += 1) gateway.records.add({ student_name: `Student ${String(i).padStart(3, "0")}`, school_name: "Lincoln Elementary", grade: "6", word_count: 9 });
  await open();
  await says(page.locator("#shown"), /^50 of 127 records/);
  await page.getByRole("button", { name: "Show more" }).click();
  await says(page.locator("#shown"), /^100 of 127 records/);
  assert.equal(await page.evaluate(() => document.activeElement.className), "record-name", "the focus goes to the first new record");
  await page.getByRole("button", { name: "Show more" }).click();
  await says(page.locator("#shown"), /^127 records/);
  assert.equal(await page.locator("#more").isVisible(), false);
  assert.equal(new Set(await page.locator(".record").evaluateAll((all) => all.map((one) => one.id))).size, 127);
});

test("typed text is not lost by a filter without being asked", async () => {
  await open();
  await unfold(r.short);
  await input(r.short, "teacher_name").fill("half typ");
  await page.locator("select[name=reason]").selectOption("SHORT_ESSAY");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal(await input(r.short, "teacher_name").inputValue(), "half typ");
  assert.equal(await page.locator("select[name=reason]").inputValue(), "");
});

test("the list is exported whole, by school and by grade", async () => {
  await open("/review?mode=approved");
  for (const [name, path] of [[/^Export approved as CSV$/, "/export"], ["Export CSV of Roosevelt Middle School", "/export/school/Roosevelt%20Middle%20School"],
    ["Export CSV of Roosevelt Middle School, Grade 7", "/export/school/Roosevelt%20Middle%20School/grade/7"]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name, exact: true }).click()]);
    assert.equal(new URL(download.url()).pathname, path);
  }
});

test("data is never taken for markup", async () => {
  const evil = `<img src=x onerror="document.title='hit'">`;
  gateway.records.add({ student_name: evil, school_name: evil, grade: "9", teacher_name: evil, word_count: 2, filename: evil, essay_text: evil }, { evidence: { student_name: { raw: `${evil}!` } } });
  await open("/review?grade=9");
  await page.locator(".record-name").click();
  await says(page.locator(".raw"), evil);
  assert.equal(await page.locator("main img").count(), 0);
  assert.match(await page.title(), /^Sheaf/);
});

test("a server that is away is said so, and asked again on demand", async () => {
  gateway.fail("GET", "/api/records", { code: "unavailable", text: "The records cannot be reached just now." });
  await page.goto(`${gateway.url}/review`);
  await says(page.locator("#problem"), "The records cannot be reached just now.");
  await page.getByRole("button", { name: "Try again" }).click();
  await says(page.locator(".record-name"), "Farid Haddad");
});

test("a value that the server puts into its normal form is shown in it", async () => {
  const plain = gateway.records.edit.bind(gateway.records);
  gateway.records.edit = (id, match, fields) => plain(id, match, { ...fields, ...(fields.grade === "5th" ? { grade: "5" } : {}) });
  await open();
  await unfold(r.disagree);
  await input(r.disagree, "grade").fill("5th");
  await input(r.disagree, "grade").press("Enter");
  await says(card(r.disagree), "Saved.");
  assert.equal(await input(r.disagree, "grade").inputValue(), "5");
  assert.equal(await card(r.disagree).getByRole("button", { name: "Save", exact: true }).isDisabled(), true);
});

test("an essay with other line ends is not taken for an edit", async () => {
  const record = gateway.records.add({ student_name: "Line Ends", school_name: "Lincoln Elementary", grade: "2", word_count: 4, essay_text: "one two\r\nthree four\r\n" });
  await open();
  await unfold(record);
  await page.locator(`#essay_text-${record.submission_id}:enabled`).waitFor();
  assert.equal(await card(record).getByRole("button", { name: "Save", exact: true }).isDisabled(), true);
  await input(record, "teacher_name").fill("Ms. Ames");
  await input(record, "teacher_name").press("Enter");
  await says(card(record), "Saved.");
  assert.deepEqual(gateway.requests("PATCH", "/api/records")[0].body, { teacher_name: "Ms. Ames" });
});

test("an upload without any doubt leads to what was read", async () => {
  const batch = "22222222-2222-8222-8222-222222222222";
  for (const name of ["Sure One", "Sure Two"]) gateway.records.add({ student_name: name, school_name: "Lincoln Elementary", grade: "1" }, { batch });
  await open(`/review?mode=needs_review&batch=${batch}`);
  await says(page.locator(".empty"), "All 2 records of this upload are approved.");
  await page.getByRole("link", { name: "See what was read" }).click();
  await says(page.locator(".record-name"), "Sure One");
});

test("what is typed while a save is on its way keeps its record in sight", async () => {
  await open();
  await unfold(r.noGrade);
  await input(r.noGrade, "grade").fill("4");
  const release = gateway.hold("PATCH", `/api/records/${r.noGrade.submission_id}`);
  await input(r.noGrade, "grade").press("Enter");
  for (let i = 0; i < 100 && stored(r.noGrade).grade === null; i += 1) await page.waitForTimeout(50);
  await input(r.noGrade, "teacher_name").fill("Mr. Ito");
  release();
  await page.waitForFunction((id) => document.querySelector(`#record-${id} .chip`) === null, r.noGrade.submission_id);
  assert.equal(await input(r.noGrade, "teacher_name").inputValue(), "Mr. Ito");
  await card(r.noGrade).getByRole("button", { name: "Save", exact: true }).click();
  await card(r.noGrade).waitFor({ state: "detached" });
  assert.equal(stored(r.noGrade).teacher_name, "Mr. Ito");
});

test("a save that is answered when another list is shown leaves that list as it is", async () => {
  await open();
  await unfold(r.disagree);
  await input(r.disagree, "teacher_name").fill("Mr. Ito");
  const release = gateway.hold("PATCH", `/api/records/${r.disagree.submission_id}`);
  await input(r.disagree, "teacher_name").press("Enter");
  await page.selectOption("select[name=school]", "Lincoln Elementary");
  await page.getByRole("button", { name: "Leave" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 4);
  const answer = page.waitForResponse((response) => response.request().method() === "PATCH");
  release();
  await (await answer).finished();
  await page.evaluate(() => new Promise((taken) => setTimeout(taken)));
  assert.equal(await card(r.disagree).count(), 0);
  assert.equal(await page.locator(".record").count(), 4);
});

test("many that are approved while the list is loaded anew leave the new one", async () => {
  await open();
  await card(r.doubtful).locator("input[type=checkbox]").check();
  await card(r.short).locator("input[type=checkbox]").check();
  const release = gateway.hold("POST", `/api/records/${r.doubtful.submission_id}/approve`);
  await page.locator("#bulk-approve").click();
  for (let i = 0; i < 100 && stored(r.doubtful).needs_review; i += 1) await page.waitForTimeout(50);
  await page.selectOption("select[name=school]", "Lincoln Elementary");
  await page.waitForFunction(() => document.querySelectorAll(".record").length === 3);
  release();
  await says(page.locator("#toast"), "2 records approved.");
  await card(r.short).waitFor({ state: "detached", timeout: 5_000 });
  assert.equal(await page.locator(".record").count(), 2);
});

test("an approval that is taken back leaves the list of the approved, too", async () => {
  await open();
  await card(r.short).getByRole("button", { name: /^Approve/ }).first().click();
  await card(r.short).waitFor({ state: "detached" });
  await page.click("#tab-approved");
  await card(r.short).waitFor();
  await page.getByRole("button", { name: "Send back for review" }).click();
  await card(r.short).waitFor({ state: "detached" });
});

test("going back in the browser asks before typed text is lost, too", async () => {
  await open();
  await page.click("#tab-approved");
  await card(r.fine).waitFor();
  await unfold(r.fine);
  await input(r.fine, "teacher_name").fill("Mr. Ito");
  await page.goBack();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal(await input(r.fine, "teacher_name").inputValue(), "Mr. Ito");
  assert.match(page.url(), /mode=approved/);
  await page.goBack();
  await page.getByRole("dialog").getByRole("button", { name: "Leave" }).click();
  await card(r.short).waitFor();
  assert.doesNotMatch(page.url(), /mode=approved/);
});

test("counts are those of the last question, in whatever order the answers come", async () => {
  await open();
  await badge("needs_review", 7);
  const release = gateway.hold("GET", "/api/records");
  const counted = gateway.requests("GET", "/api/records").length;
  await card(r.short).getByRole("button", { name: /^Approve/ }).first().click();
  for (let i = 0; i < 100 && gateway.requests("GET", "/api/records").length === counted; i += 1) await page.waitForTimeout(50);
  await card(r.disagree).getByRole("button", { name: /^Approve/ }).first().click();
  await badge("needs_review", 5);
  const answer = page.waitForResponse((response) => response.url().includes("limit=1"));
  release();
  await (await answer).finished();
  await page.evaluate(() => new Promise((taken) => setTimeout(taken)));
  assert.equal(await page.locator("#tab-needs_review .badge").textContent(), "5");
});
