// Puts it together. What is shown is in the address after #, so that it survives a reload and can be
// sent to others; addresses without "=" are places in the page.

const FILTERS = ["search", "host", "group", "rule", "verdict", "severity", "port", "process", "reason"];
const SHOWN = [...FILTERS, "view", "sort"];

function hashOf(wanted) {
  const told = new URLSearchParams();
  for (const key of SHOWN) if (wanted[key]) told.set(key, wanted[key]);
  return `#${told}`;
}

function wantedOf(hash) {
  const told = new URLSearchParams(hash.includes("=") ? hash.slice(1) : "");
  const wanted = Object.fromEntries(SHOWN.map((key) => [key, told.get(key) ?? ""]));
  if (!Object.hasOwn(VIEWS, wanted.view)) wanted.view = startOf(wanted);
  return wanted;
}

// Without a view, the one that tells most about what is asked for.
function startOf(wanted) {
  if (wanted.host || wanted.group || (wanted.rule && !wanted.verdict)) return "hosts";
  return FILTERS.some((key) => wanted[key]) ? "evidence" : "rules";
}

const sortOf = (sort) => ({ id: sort.replace(/^-/, ""), down: sort.startsWith("-") });

class Explorer {
  constructor(roster) {
    this.roster = roster;
    this.filters = document.querySelector(".filters");
    this.grid = new Grid(find("table"), {
      follow: (wanted) => this.follow(wanted),
      sort: (id) => this.sort(id),
      copy: (row) => this.copy(plainRow(this.view, row), "Row copied."),
    });
    this.heat = new Heat(find("heat"), (at) => this.grid.go(at));
    this.detail = new Detail(roster, find("detail"));
    this.fill();
    this.listen();
    this.wanted = this.known(wantedOf(location.hash));
    this.show();
  }

  field(name) {
    return find(`f-${name}`);
  }

  fill() {
    const { roster } = this;
    const options = {
      group: [...roster.groups.keys()].sort().map((name) => [name, name]),
      rule: roster.told.rules.key.map((_, rule) => [roster.rule(rule, "key"), roster.rule(rule, "key")]),
      verdict: roster.verdicts.map((verdict, at) => [verdict, roster.words[at]]),
      severity: [...roster.told.severities].reverse().map((severity) => [severity, severity]),
      reason: [...new Set(roster.told.states.reason)].map((text) => roster.texts[text]).filter(Boolean).sort().map((reason) => [reason, reason]),
    };
    for (const [name, values] of Object.entries(options)) {
      this.field(name).append(...values.map(([value, label]) => make("option", { value }, label)));
      this.field(name).closest(".field").hidden = values.length === 0;
    }
    const views = Object.entries(VIEWS).filter(([id]) => id !== "changes" || roster.told.changes !== null);
    find("views").append(...views.map(([id, [title]]) => make("a", { "data-view": id }, title)));
  }

  listen() {
    this.filters.addEventListener("input", () => this.typed());
    find("clear").addEventListener("click", () => this.follow({ view: this.wanted.view }));
    find("sort").addEventListener("change", () => this.sorted(find("sort").value));
    find("row").addEventListener("click", () => this.copy(plainRow(this.view, this.order[this.grid.active]), "Row copied."));
    find("csv").addEventListener("click", () => this.copy(csv(this.view, this.order), `${many(this.order.length, "row")} copied as CSV.`));
    addEventListener("hashchange", () => this.arrived());
    addEventListener("keydown", (event) => this.pressed(event));
  }

  // A filter for what this report does not have would hide everything while it shows nothing chosen.
  known(wanted) {
    if (wanted.view === "changes" && this.roster.told.changes === null) wanted.view = startOf(wanted);
    for (const name of FILTERS) {
      const { options } = this.field(name);
      if (options && ![...options].some(({ value }) => value === wanted[name])) wanted[name] = "";
    }
    return wanted;
  }

  // While typing, the address is kept up to date without making history of every letter.
  typed() {
    for (const name of FILTERS) this.wanted[name] = this.field(name).value;
    history.replaceState(null, "", hashOf(this.wanted));
    this.show();
  }

  sort(id) {
    const now = sortOf(this.wanted.sort);
    const column = this.view.columns.find((each) => each.id === id);
    const downFirst = column.kind === "num" || id === "severity";
    this.sorted(now.id === id ? `${now.down ? "" : "-"}${id}` : `${downFirst ? "-" : ""}${id}`);
    this.grid.table.focus({ preventScroll: true });
  }

  sorted(sort) {
    this.wanted.sort = sort;
    history.replaceState(null, "", hashOf(this.wanted));
    this.show();
  }

  // A link in the tables: the filters stay, those that the link names change.
  follow(wanted) {
    const cleared = Object.keys(wanted).some((key) => FILTERS.includes(key));
    const before = cleared ? this.wanted : {};
    const hash = hashOf({ ...before, sort: "", ...wanted });
    if (hash === location.hash) this.bring();
    else location.hash = hash;
  }

  arrived() {
    if (!location.hash.includes("=")) return;
    this.wanted = this.known(wantedOf(location.hash));
    this.show();
    this.bring();
  }

  // After a link, bring what it asked for into sight, and the focus to it.
  bring() {
    const told = find("detail").hidden ? this.grid.table : find("detail-title");
    find(find("detail").hidden ? "everything" : "detail").scrollIntoView();
    told.focus({ preventScroll: true });
  }

  pressed(event) {
    const typing = event.target.closest?.("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      find("everything").scrollIntoView();
      this.field("search").focus();
    }
    if (event.key === "Escape" && typing && this.filters.contains(typing)) this.grid.table.focus();
  }

  show() {
    const { roster, wanted } = this;
    for (const name of FILTERS) {
      if (this.field(name).value !== wanted[name]) this.field(name).value = wanted[name];
    }
    const selection = new Selection(roster, wanted);
    const sorted = sortOf(wanted.sort);
    this.view = VIEWS[wanted.view][1](roster, selection);
    this.order = sortedRows(this.view, sorted);
    this.grid.show(this.view, this.order, sorted, VIEWS[wanted.view][0]);
    this.mark();
    this.say(selection);
    if (wanted.view === "matrix") this.heat.show(roster, selection, this.order);
    else find("heat").hidden = true;
    this.detail.show(selection.hosts.length === 1 && wanted.host ? selection.hosts[0] : null, selection);
  }

  mark() {
    for (const link of find("views").children) {
      const here = link.dataset.view === this.wanted.view;
      link.href = hashOf({ ...this.wanted, sort: "", view: link.dataset.view });
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    find("clear").disabled = !FILTERS.some((name) => this.wanted[name]);
    find("row").disabled = this.order.length === 0;
    find("legend").hidden = this.wanted.view !== "matrix";
    const ways = this.view.columns.flatMap(({ id, title }) => [make("option", { value: id }, `${title} ↑`), make("option", { value: `-${id}` }, `${title} ↓`)]);
    find("sort").replaceChildren(make("option", { value: "" }, "default order"), ...ways);
    find("sort").value = this.wanted.sort;
  }

  say(selection) {
    const { roster } = this;
    const hosts = `${number(selection.hosts.length)} of ${many(roster.hosts, "host")}`;
    const rows = this.order.length === 1 ? `1 ${this.view.noun}` : `${number(this.order.length)} ${this.view.nouns ?? `${this.view.noun}s`}`;
    const about = this.wanted.view === "changes" ? "" : `, ${many(selection.verdicts, "verdict")}${leftOut(roster, this.wanted)}`;
    find("matches").textContent = this.view.noun === "host" ? `${hosts}${about}` : `${rows}; ${hosts}${about}`;
  }

  async copy(text, said) {
    find("matches").textContent = (await copied(text)) ? said : "The browser did not allow copying.";
  }
}

// What is unproven has no evidence to match a port or a process: it must not look as if all was well.
function leftOut(roster, wanted) {
  const nameless = wanted.port ? "port" : wanted.process ? "process" : "";
  if (nameless === "") return "";
  const { totals } = new Selection(roster, { ...wanted, port: "", process: "" });
  const count = totals[roster.UNPROVEN];
  if (count === 0) return "";
  return `; ${many(count, "unproven verdict")} left out: ${count === 1 ? "it names" : "they name"} no ${nameless}`;
}

function say(text) {
  find("reading").textContent = text;
  find("reading").hidden = text === "";
}

// Whether the data block has as many verdicts of each kind as the head of the page says.
function addsUp(roster) {
  const { totals } = new Selection(roster, wantedOf(""));
  const heads = document.querySelectorAll("[data-verdict][data-count]");
  return [...heads].every((head) => totals[roster.verdicts.indexOf(head.dataset.verdict)] === Number(head.dataset.count));
}

async function start() {
  document.documentElement.classList.add("scripts");
  say("Reading…");
  if (globalThis.DecompressionStream === undefined) {
    say("This browser cannot unpack the tables: they need DecompressionStream, which browsers have since 2023. Everything above is whole without them.");
    return;
  }
  try {
    const roster = new Roster(await unpack(find("data").textContent));
    find("explorer").hidden = false;
    say("");
    const explorer = new Explorer(roster);
    performance.mark("tables");
    globalThis.requestIdleCallback?.(() => roster.lower);
    if (!addsUp(roster)) say("The tables do not add up to the totals at the head of this page: trust neither, and render the report again.");
    if (location.hash.includes("=")) explorer.bring();
  } catch (error) {
    find("explorer").hidden = true;
    say(`The tables cannot be shown: ${error.message}. Everything above is whole without them.`);
    throw error;
  }
}

// After the first paint: what can be read without the tables is there first.
requestAnimationFrame(() => setTimeout(start));
