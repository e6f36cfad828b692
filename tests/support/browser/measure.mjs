// Times a report in a real, headless Chromium and prints milliseconds as JSON.
//
//   node measure.mjs REPORT ROUNDS
//
// paint: until something is seen; ready: until the tables can be used (both from the start of the
// navigation); each search: from the input until its rows are on the screen; views: the same.
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const SEARCHES = ["web-0001", "redis", "syd high", "timeout", "nothing has this"];
const VIEWS = ["hosts", "groups", "ports", "evidence", "matrix", "rules"];

const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];

// Milliseconds until what a piece of work changed is drawn.
const timed = (page, work, argument) =>
  page.evaluate(
    async ([source, given]) => {
      const begun = performance.now();
      new Function("given", source)(given);
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      return performance.now() - begun;
    },
    [work, argument],
  );

const SEARCH = `
  const field = document.getElementById("f-search");
  field.value = given;
  field.dispatchEvent(new Event("input", { bubbles: true }));`;
const VIEW = "document.querySelector(`[data-view=${given}]`).click();";

async function round(browser, report) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(pathToFileURL(report).href);
  await page.waitForFunction(() => document.getElementById("explorer")?.hidden === false, null, { timeout: 60_000, polling: 20 });
  const times = await page.evaluate(async () => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0].startTime;
    return { paint, ready: performance.getEntriesByName("tables")[0].startTime };
  });
  for (const words of SEARCHES) {
    times[`search ${words}`] = await timed(page, SEARCH, words);
  }
  await timed(page, SEARCH, "");
  for (const view of VIEWS) times[`view ${view}`] = await timed(page, VIEW, view);
  await page.close();
  return times;
}

const [report, rounds = "5"] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
const all = [];
for (let at = 0; at < Number(rounds); at += 1) all.push(await round(browser, report));
await browser.close();
const names = Object.keys(all[0]);
console.log(JSON.stringify(Object.fromEntries(names.map((name) => [name, Math.round(median(all.map((each) => each[name])))])), null, 1));
