// Looks at reports in a real, headless Chromium and prints what it saw as JSON.
//
//   node run.mjs REPORT CHECK,CHECK [REPORT CHECK,CHECK ...]
//
// Checks: quiet, fits, axe, plain, told, keyboard, grid, links, print; png=SCHEME:WIDTH:HEIGHT:FILE[:HASH];
// pdf=FILE; ask=HASH. Each gives a list of problems, empty when all is well; "plain" gives what a
// reader sees without a script, "told" what is said instead of the tables, "ask" what they show,
// "links" the host that each link of the table of hosts leads to, at once and after a reload.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { ask, coversUp, everyWay, grid, links, tablesOf } from "./tables.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = [360, 768, 1280, 2560];
const MOST_TABS = 400;
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

async function open(browser, report, options = {}, hash = "") {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  await page.goto(pathToFileURL(report).href + hash);
  if (options.javaScriptEnabled !== false) await tablesOf(page);
  return page;
}

const unfold = (page) =>
  page.evaluate(() => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });

async function quiet(browser, report) {
  const problems = [];
  const page = await browser.newPage();
  const own = pathToFileURL(report).href;
  page.on("console", (message) => problems.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url() !== own) problems.push(`request: ${request.url()}`);
  });
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      globalThis.violations.push(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(own);
  await tablesOf(page);
  await unfold(page);
  await provoke(page);
  for await (const _ of everyWay(page)) await provoke(page);
  problems.push(...(await page.evaluate(() => globalThis.violations)));
  if (await page.evaluate(() => "canary" in globalThis)) problems.push("canary: a script ran");
  if (page.url().split("#")[0] !== own) problems.push(`moved to ${page.url()}`);
  await page.close();
  return problems;
}

// Gives every handler and link an attacker could have planted its chance.
const provoke = (page) =>
  page.evaluate(async () => {
    const kinds = ["mouseover", "focus", "click", "load", "error", "toggle"];
    for (const element of document.querySelectorAll("body *:not(a):not(button)")) {
      for (const kind of kinds) element.dispatchEvent(new Event(kind));
    }
    for (const link of document.links) {
      if (!/^(https?:|file:)/.test(link.href)) link.click();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  });

async function fits(browser, report) {
  const problems = [];
  const page = await open(browser, report);
  await unfold(page);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    problems.push(...(await page.evaluate(sticksOut)), ...(await page.evaluate(breaksNumbers)));
  }
  await page.setViewportSize({ width: WIDTHS[0], height: 900 });
  for await (const hash of everyWay(page)) {
    const found = [...(await page.evaluate(sticksOut)), ...(await page.evaluate(coversUp))];
    problems.push(...found.map((text) => `${hash}: ${text}`));
  }
  await page.close();
  return problems;
}

function sticksOut() {
  const width = document.documentElement.clientWidth;
  const wide = document.documentElement.scrollWidth;
  const names = wide > width ? [`${wide} px wide at ${width} px`] : [];
  for (const element of document.querySelectorAll("main *, header *, .rail *, footer *")) {
    const box = element.getBoundingClientRect();
    const apart = element.closest(".scroll, .grid, .off") !== null && !element.matches(".scroll, .grid");
    if (!apart && box.width > 0 && (box.right > width + 1 || box.left < -1)) {
      names.push(`${element.tagName}.${element.getAttribute("class")} at ${width} px`);
    }
  }
  return names.slice(0, 5);
}

// Counts with their thousands apart, and shares in per cent, of which a line holds only a part.
function breaksNumbers() {
  const broken = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    for (const { 0: number, index } of node.data.matchAll(/\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?%/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + number.length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) broken.push(`${number} is on ${lines.size} lines at ${document.documentElement.clientWidth} px`);
    }
  }
  return broken.slice(0, 5);
}

async function axe(browser, report) {
  const problems = [];
  const page = await open(browser, report);
  await unfold(page);
  await page.evaluate(AXE);
  const look = async (where) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const found = await page.evaluate(async (within) => {
        const { violations } = await globalThis.axe.run(within, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
        return violations.map(({ id, nodes }) => `${id}: ${nodes.length}x ${nodes[0].html} ${nodes[0].failureSummary}`);
      }, where);
      problems.push(...found.map((text) => `${where} ${colorScheme}: ${text}`));
    }
  };
  await look("html");
  for await (const _ of everyWay(page, (hash) => /evidence|matrix/.test(hash))) await look("#everything");
  await page.close();
  return problems;
}

async function plain(browser, report) {
  const page = await open(browser, report, { javaScriptEnabled: false });
  const text = await page.locator("body").innerText();
  const closed = await page.locator("details:not([open]) > summary").count();
  if (closed > 0) await page.locator("details:not([open]) > summary").first().click();
  const left = await page.locator("details:not([open]) > summary").count();
  await page.close();
  return { text, closed, unfolds: closed === 0 || left === closed - 1 };
}

// What the page says about its tables; in a browser that cannot unpack them when it is an old one.
async function told(browser, report, [age]) {
  const page = await browser.newPage();
  if (age === "old") await page.addInitScript(() => delete globalThis.DecompressionStream);
  await page.goto(pathToFileURL(report).href);
  await tablesOf(page);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
  const text = await page.locator("#reading").innerText();
  const tables = await page.locator("#explorer").isVisible();
  await page.close();
  return { text, tables };
}

async function keyboard(browser, report) {
  const problems = [];
  const page = await open(browser, report);
  const wanted = await page.locator("summary, #explorer :is(input, select, button:not([tabindex], :disabled))").count();
  const seen = [];
  for (let tabs = 0; tabs < MOST_TABS; tabs += 1) {
    await page.keyboard.press("Tab");
    const now = await page.evaluate(focused);
    if (now === null) break;
    if (!now.visible) problems.push(`the focus is not seen on ${now.what}`);
    seen.push(now.what);
    if (now.what.startsWith("SUMMARY") && !(await toggles(page))) problems.push(`stuck: ${now.what}`);
  }
  if (!seen[0]?.startsWith("A.skip")) problems.push(`the first stop is ${seen[0]}`);
  const reached = seen.filter((what) => /^(SUMMARY|INPUT|SELECT|BUTTON)/.test(what)).length;
  if (reached < wanted || wanted === 0) problems.push(`${reached} of ${wanted} controls reached`);
  for (const part of ["DIV.scroll", "TABLE.rows"]) {
    if (!seen.some((what) => what.startsWith(part))) problems.push(`no ${part} reached`);
  }
  await page.close();
  return problems;
}

function focused() {
  const at = document.activeElement;
  if (at === null || at === document.body) return null;
  const shown = at.closest(".grid") ?? at;
  const style = getComputedStyle(shown);
  const box = shown.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
  const inView = box.bottom > 0 && box.top < globalThis.innerHeight && box.right > 0;
  return { what: `${at.tagName}.${at.className}`, visible: outlined && inView };
}

async function toggles(page) {
  const isOpen = () => page.evaluate(() => document.activeElement.parentElement.open);
  const before = await isOpen();
  await page.keyboard.press("Enter");
  const after = await isOpen();
  await page.keyboard.press("Enter");
  return before !== after && (await isOpen()) === before;
}

async function print(browser, report) {
  const problems = [];
  const page = await open(browser, report, { colorScheme: "dark" });
  const size = (await page.pdf({ format: "A4" })).length;
  if (size < 10_000) problems.push(`a PDF of ${size} bytes`);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  if (paper !== "rgb(255, 255, 255)") problems.push(`printed on ${paper}`);
  for (const part of ["h1", ".sum", "#failures", "#unproven", "#waivers", "#bars", "#run"]) {
    if (!(await page.locator(part).isVisible())) problems.push(`${part} is not printed`);
  }
  for (const part of [".rail", "#everything", ".skip"]) {
    if (await page.locator(part).isVisible()) problems.push(`${part} is printed`);
  }
  await page.close();
  return problems;
}

async function png(browser, report, [colorScheme, width, height, file, hash = ""]) {
  const viewport = { width: Number(width), height: Number(height) };
  const page = await open(browser, report, { colorScheme, viewport }, hash);
  await page.screenshot({ path: file });
  await page.close();
  return [];
}

async function pdf(browser, report, file) {
  const page = await open(browser, report);
  await page.pdf({ path: file.join(":"), format: "A4", preferCSSPageSize: true });
  await page.close();
  return [];
}

const tables = (check) => async (browser, report, given) => {
  const page = await open(browser, report, {}, given.join(":"));
  const seen = await check(page);
  await page.close();
  return seen;
};

const CHECKS = { quiet, fits, axe, plain, told, keyboard, print, png, pdf, ask: tables(ask), grid: tables(grid), links: tables(links) };

async function look(browser, report, plan) {
  const seen = {};
  for (const check of plan.split(",")) {
    const [name, given = ""] = check.split(/=(.*)/s);
    seen[name === "ask" ? given : name] = await CHECKS[name](browser, report, given.split(":"));
  }
  return [report, seen];
}

async function main(wanted) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  const reports = wanted.filter((_, at) => at % 2 === 0);
  const plans = wanted.filter((_, at) => at % 2 === 1);
  const seen = await Promise.all(reports.map((report, at) => look(browser, report, plans[at])));
  await browser.close();
  console.log(JSON.stringify(Object.fromEntries(seen), null, 1));
}

await main(process.argv.slice(2));
