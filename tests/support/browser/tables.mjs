// Uses the tables of a report as a person does.

const MOST_HOSTS = 30;
const FEW_HOSTS = 2;
const MOST_ROWS = 120;

// Wait until the tables are there; pages without any have nothing to wait for.
export const tablesOf = (page) =>
  page.waitForFunction(() => {
    const explorer = document.getElementById("explorer");
    return explorer === null || !explorer.hidden || document.getElementById("reading").textContent !== "Reading…";
  });

async function go(page, hash) {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
}

// Pages that are looked at side by side have one clipboard: one of them uses it at a time.
let clipboard = Promise.resolve();

function copiedBy(page, work) {
  const copied = clipboard.then(async () => {
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.bringToFront();
    await work();
    await page.waitForFunction(() => document.getElementById("matches").textContent.includes("copied"));
    return page.evaluate(() => navigator.clipboard.readText());
  });
  clipboard = copied.catch(() => {});
  return copied;
}

// Every view, and every host by itself; of a long table a few hosts.
export async function* everyWay(page, wanted = () => true) {
  const views = await page.locator("#views a").evaluateAll((links) => links.map((link) => link.hash));
  for (const hash of views.filter(wanted)) {
    await go(page, hash);
    yield hash;
  }
  const first = await page.evaluate(() => document.querySelectorAll("#f-group option").length);
  if (views.length === 0 || first === 0) return;
  await go(page, "#view=hosts");
  const names = await page.locator("#table tbody th").allTextContents();
  const few = names.length > MOST_HOSTS || views.some((hash) => !wanted(hash)) ? FEW_HOSTS : names.length;
  for (const name of names.slice(0, few)) {
    const hash = `#${new URLSearchParams({ host: name })}`;
    await go(page, hash);
    yield hash;
  }
}

// The first column stays when a table is scrolled: it must leave room for the others.
export function coversUp() {
  const box = document.getElementById("table");
  const first = box.querySelector("tbody th");
  const share = first === null ? 0 : first.getBoundingClientRect().width / box.clientWidth;
  return share > 0.6 ? [`the first column covers ${Math.round(share * 100)} % of the table`] : [];
}

// The host that is shown after each link of the table of hosts, and again after a reload.
export async function links(page) {
  const seen = [];
  const title = () => page.locator("#detail-title").innerText();
  await go(page, "#view=hosts");
  const count = await page.locator("#table tbody th a").count();
  for (let at = 0; at < count; at += 1) {
    await go(page, "#view=hosts");
    await page.locator("#table tbody th a").nth(at).click();
    await page.locator("#detail-title").waitFor();
    const before = await title();
    await page.reload();
    await tablesOf(page);
    await page.locator("#detail-title").waitFor();
    seen.push([before, await title()]);
  }
  return seen;
}

// What the tables show for the address the page was opened with.
export async function ask(page) {
  const seen = await shown(page);
  return { ...seen, csv: await copiedCsv(page) };
}

const shown = (page) =>
  page.evaluate(() => ({
    matches: document.getElementById("matches").textContent,
    head: [...document.querySelectorAll("#table thead th")].map((cell) => cell.textContent),
    rows: [...document.querySelectorAll("#table tbody tr[data-at]")].map((row) => [...row.cells].map((cell) => cell.textContent)),
    detail: document.getElementById("detail").innerText,
    hash: location.hash,
    view: document.querySelector("#views [aria-current]").textContent,
  }));

const copiedCsv = (page) => copiedBy(page, () => page.locator("#csv").click());

const active = (page) =>
  page.evaluate(() => {
    const row = document.getElementById(document.querySelector(".rows").getAttribute("aria-activedescendant"));
    const box = document.getElementById("table").getBoundingClientRect();
    const own = row.getBoundingClientRect();
    return { at: Number(row.dataset.at), inSight: own.top >= box.top && own.bottom <= box.bottom + 1, rows: document.querySelectorAll("#table tr").length };
  });

// Walks through the rows by keys, sorts, searches from the keyboard, and follows a row.
export async function grid(page) {
  const problems = [];
  await page.locator(".rows").focus();
  const last = Number(await page.locator(".rows").getAttribute("aria-rowcount")) - 2;
  const steps = [["ArrowDown", 1], ["ArrowDown", 2], ["ArrowUp", 1], ["End", last], ["Home", 0]];
  for (const [key, wanted] of steps) {
    await page.keyboard.press(key);
    const now = await active(page);
    if (now.at !== wanted || !now.inSight) problems.push(`${key}: row ${now.at}, not ${wanted}, in sight: ${now.inSight}`);
    if (now.rows > MOST_ROWS) problems.push(`${now.rows} rows are in the page`);
  }
  await page.keyboard.press("PageDown");
  if ((await active(page)).at < 2) problems.push("PageDown does not move by pages");
  const row = await page.locator("#table tr.active").evaluate((cells) => [...cells.cells].map((cell) => cell.textContent).join("\t"));
  const copied = await copiedBy(page, () => page.keyboard.press("Control+c"));
  if (copied !== row) problems.push(`copied ${copied}, not the row as it is shown`);
  problems.push(...(await sorts(page)), ...(await searches(page)), ...(await looksLikeAMatrix(page)));
  return problems;
}

// The matrix has its rules side by side, its hosts one below the other, and a map above.
async function looksLikeAMatrix(page) {
  const problems = [];
  await go(page, "#view=matrix");
  const [heads, cells, map] = await page.evaluate(() => {
    const places = (selector) => [...document.querySelectorAll(selector)].map((element) => element.getBoundingClientRect()).map(({ left, top, height }) => ({ left, top, height }));
    return [places("#table thead th"), places("#table tbody tr[data-at] > :nth-child(2)"), places("#map")];
  });
  const rising = (places, side) => places.every((place, at) => at === 0 || place[side] > places[at - 1][side]);
  if (!rising(heads, "left") || !rising(cells, "top") || cells.length < 10) problems.push("the matrix is no table");
  if (cells.some((cell) => cell.height > 60)) problems.push("the rows of the matrix are high");
  if (!(map[0]?.height > 100)) problems.push("there is no map");
  const row = () => active(page).then(({ at }) => at);
  await page.locator("#map").click({ position: { x: 20, y: map[0].height / 2 } });
  if (!((await row()) > 100)) problems.push("a click on the map leads nowhere");
  return problems;
}

async function sorts(page) {
  const problems = [];
  const column = () => page.locator("#table tbody tr[data-at] > :nth-child(3)").allTextContents();
  await page.locator("#sort").selectOption("-fail");
  const counts = (await column()).map(Number);
  if (counts.some((count, at) => at > 0 && count > counts[at - 1])) problems.push(`not in order: ${counts}`);
  if (new Set(counts).size < 2) problems.push("nothing to sort");
  await page.locator("button[data-sort=fail]").click();
  const heads = await page.locator("#table th[aria-sort]").evaluateAll((cells) => cells.map((cell) => cell.getAttribute("aria-sort")));
  if (heads.join() !== "ascending") problems.push(`sorted ${heads}`);
  if (!page.url().includes("sort=fail")) problems.push("the order is not in the address");
  return problems;
}

async function searches(page) {
  const problems = [];
  await page.locator("body").press("/");
  const name = await page.locator("#table tbody th").first().textContent();
  await page.keyboard.type(name);
  const names = await page.locator("#table tbody th").allTextContents();
  if (names.length === 0 || !names.every((each) => each.includes(name))) problems.push(`${name}: shows ${names.slice(0, 3)}`);
  await page.reload();
  await tablesOf(page);
  const again = await page.locator("#table tbody th").allTextContents();
  if (again.join() !== names.join()) problems.push(`after a reload: ${again.slice(0, 3)}`);
  if ((await page.locator("#f-search").inputValue()) !== name) problems.push("a reload loses the search");
  await page.locator("#f-search").press("Escape");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => !document.getElementById("detail").hidden);
  const focus = await page.evaluate(() => document.activeElement.textContent);
  if (focus !== name) problems.push(`the focus went to ${focus}, not to ${name}`);
  await page.goBack();
  if (!(await page.locator("#detail").isHidden())) problems.push("back does not lead back");
  await page.locator("#f-search").fill("nothing has this text");
  if ((await page.locator("#table tbody").textContent()) !== "Nothing matches.") problems.push("a text that is nowhere leaves rows");
  await page.locator("#clear").click();
  if ((await page.locator("#f-search").inputValue()) !== "") problems.push("not cleared");
  return problems;
}
