/* browser.mjs: Debian's Chromium for the tests, and what each of them needs of a page. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1200, height: 900 };

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS, headless: true });
}

/* A page in a fresh profile.  `problems` collects what the page complained about: an exception, a refused script or style
 * (CSP), an error on the console.  Failed requests are the subject of many tests and are not among them. */
export async function newPage(browser, { viewport = DESKTOP, colorScheme = "light", ...options } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce", acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/Failed to load resource|net::ERR_/.test(message.text())) problems.push(message.text());
  });
  page.problems = problems;
  return page;
}

export async function closePage(page) {
  assert.deepEqual(page.problems, [], "the page reported problems");
  await page.context().close();
}

/* Accessibility, as far as a program can judge it: WCAG 2.2 A and AA; serious and critical findings fail. */
export async function assertAccessible(page, name) {
  /* Evaluated over the debugger, which the page's CSP does not concern. */
  await page.evaluate(await readFile(axePath, "utf8"));
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const text = grave.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `   ${node.html}\n   ${node.failureSummary}`).join("\n")}`).join("\n");
  assert.equal(grave.length, 0, `${name}:\n${text}`);
}

export async function assertNoSidewaysScroll(page, name) {
  const [content, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(content <= window_, `${name}: ${content} px of content in ${window_} px`);
}

/* Set SCREENSHOTS to a folder to look at the pages. */
export async function shot(page, name) {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png`, fullPage: true });
}

export const pdf = (name, size = 200) => ({ name, mimeType: "application/pdf", buffer: Buffer.concat([Buffer.from("%PDF-1.4\n"), Buffer.alloc(size, name)]) });
