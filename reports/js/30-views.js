// The ways through: each is rows and columns of what a selection leaves. A column's `of` gives what
// a row shows and what is copied; `by` what it is sorted by, where that is another thing; `to` where
// its text leads.

const NO_LINK = () => null;

const text = (id, title, of, more = {}) => ({ id, title, of, by: of, to: NO_LINK, kind: "text", ...more });
const count = (id, title, of, more = {}) => ({ id, title, of, by: of, to: NO_LINK, kind: "num", ...more });

const portNumber = (port) => Number.parseInt(port, 10) || 0;

function countColumns(roster, of) {
  const order = [roster.FAIL, roster.UNPROVEN, roster.WAIVED, roster.PASS, roster.verdicts.indexOf("not-applicable")];
  return order.map((kind) => count(roster.verdicts[kind], roster.words[kind], (row) => of(row, kind), { verdict: roster.verdicts[kind] }));
}

const severityColumn = (roster, of) =>
  text("severity", "severity", (row) => (of(row) < 0 ? "" : roster.severity(of(row))), { by: (row) => (of(row) < 0 ? -1 : roster.told.rules.severity[of(row)]), kind: "short" });

function rulesView(roster, selection) {
  const hasEvidence = (rule) => roster.looking.some((kind) => selection.ruleCounts[rule][kind] > 0);
  return {
    noun: "rule",
    rows: selection.rulesLeft(),
    columns: [
      text("rule", "rule", (rule) => roster.rule(rule, "key"), { to: (rule) => ({ rule: roster.rule(rule, "key"), view: hasEvidence(rule) ? "evidence" : "hosts" }), wide: true }),
      text("title", "title", (rule) => roster.rule(rule, "title"), { wide: true }),
      severityColumn(roster, (rule) => rule),
      ...countColumns(roster, (rule, kind) => selection.ruleCounts[rule][kind]),
    ],
  };
}

function hostsView(roster, selection) {
  return {
    noun: "host",
    rows: selection.hosts,
    columns: [
      text("host", "host", (host) => roster.name(host), { to: (host) => ({ host: roster.name(host), view: "hosts" }), wide: true }),
      text("groups", "groups", (host) => roster.groupsOf(host).join(", ")),
      ...countColumns(roster, (host, kind) => selection.count(host, kind)),
      text("source", "source", (host) => roster.looked(host, "source") || "not looked at"),
      text("privilege", "privilege", (host) => roster.looked(host, "privilege")),
      text("proof", "proof", (host) => roster.looked(host, "proof")),
      text("taken", "looked at", (host) => roster.looked(host, "taken")),
    ],
  };
}

function groupsView(roster, selection) {
  const counts = new Map();
  for (const host of selection.hosts) {
    const set = roster.told.hosts.groups[host];
    if (!counts.has(set)) counts.set(set, { hosts: 0, kinds: new Array(selection.kinds).fill(0) });
    const sum = counts.get(set);
    sum.hosts += 1;
    for (let kind = 0; kind < selection.kinds; kind += 1) sum.kinds[kind] += selection.count(host, kind);
  }
  const rows = [...roster.groups].map(([name, sets]) => {
    const sums = [...sets].flatMap((set) => counts.get(set) ?? []);
    const add = (of) => sums.reduce((sum, each) => sum + of(each), 0);
    return { name, hosts: add((each) => each.hosts), kinds: roster.words.map((_, kind) => add((each) => each.kinds[kind])) };
  });
  return {
    noun: "group",
    rows: rows.filter((row) => row.hosts > 0),
    columns: [
      text("group", "group", (row) => row.name, { to: (row) => ({ group: row.name, view: "hosts" }), wide: true }),
      count("hosts", "hosts", (row) => row.hosts),
      ...countColumns(roster, (row, kind) => row.kinds[kind]),
    ],
  };
}

// Findings by port and process: what was found listening, or missed, and on how many hosts.
function portsView(roster, selection) {
  const { found, findings } = roster.told;
  const isListener = (finding) => roster.found(finding, "endpoint") !== "";
  const rows = new Map();
  for (const at of selection.found) {
    const finding = found.finding[at];
    const key = `${findings.port[finding]} ${findings.process[finding]} ${isListener(finding)}`;
    if (!rows.has(key)) rows.set(key, { finding, hosts: new Set(), rules: new Set(), findings: 0, fails: 0 });
    const row = rows.get(key);
    row.hosts.add(found.host[at]);
    row.rules.add(found.rule[at]);
    row.findings += 1;
    row.fails += roster.verdict(found.host[at], found.rule[at]) === roster.FAIL ? 1 : 0;
  }
  const port = (row) => roster.found(row.finding, "port");
  const process = (row) => roster.found(row.finding, "process");
  const unnamed = (row) => (port(row) === "" || isListener(row.finding) ? "not known" : "no listener seen");
  return {
    noun: "port and process",
    nouns: "ports and processes",
    rows: [...rows.values()],
    columns: [
      text("port", "port", (row) => port(row) || "no port", { by: (row) => portNumber(port(row)), to: (row) => ({ port: port(row), process: process(row), view: "evidence" }), kind: "short" }),
      text("process", "process", (row) => process(row) || unnamed(row), { wide: true }),
      count("hosts", "hosts", (row) => row.hosts.size),
      count("rules", "rules", (row) => row.rules.size),
      count("findings", "findings", (row) => row.findings),
      count("fail", "of them fail", (row) => row.fails, { verdict: "fail" }),
      text("looks", "looks", (row) => looksOf(roster, row.finding)),
    ],
  };
}

const looksOf = (roster, finding) => {
  const story = finding < 0 ? -1 : roster.told.findings.story[finding];
  return story < 0 ? "" : roster.texts[roster.told.stories[story][1]];
};

// One row for each finding, and for each verdict that has something to say but no finding.
function evidenceRows(roster, selection) {
  const rows = { host: [], rule: [], finding: [] };
  const add = (host, rule, finding) => {
    rows.host.push(host);
    rows.rule.push(rule);
    rows.finding.push(finding);
  };
  const { found } = roster.told;
  const quiet = ["pass", "not-applicable"].includes(selection.wanted.verdict);
  const every = Array.from({ length: roster.rules }, (_, rule) => rule);
  let next = 0;
  for (const host of selection.hosts) {
    const shown = new Set();
    while (next < selection.found.length && found.host[selection.found[next]] <= host) {
      const at = selection.found[next];
      shown.add(found.rule[at]);
      add(host, found.rule[at], found.finding[at]);
      next += 1;
    }
    for (const rule of quiet ? every : roster.marks[roster.rowOf[host]]) {
      if (!shown.has(rule) && selection.has(host, rule)) add(host, rule, -1);
    }
  }
  return rows;
}

function evidenceView(roster, selection) {
  const { host, rule, finding } = evidenceRows(roster, selection);
  const found = (row, column) => (finding[row] < 0 ? "" : roster.found(finding[row], column));
  const fact = (row, label) => (finding[row] < 0 ? "" : roster.fact(finding[row], label));
  const state = (row) => roster.state(host[row], rule[row]);
  const verdict = (row) => roster.verdictOf[state(row)];
  const { states } = roster.told;
  const said = (row) => found(row, "message") || [states.reason, states.detail].map((column) => roster.texts[column[state(row)]]).filter(Boolean).join(": ");
  const name = (row) => roster.name(host[row]);
  return {
    noun: "entry",
    nouns: "entries",
    rows: host.map((_, row) => row),
    columns: [
      text("verdict", "verdict", (row) => roster.words[verdict(row)], { kind: "short", verdict: (row) => roster.verdicts[verdict(row)] }),
      text("host", "host", name, { to: (row) => ({ host: name(row), view: "hosts" }) }),
      text("rule", "rule", (row) => roster.rule(rule[row], "key")),
      severityColumn(roster, (row) => rule[row]),
      text("port", "port", (row) => found(row, "port"), { by: (row) => portNumber(found(row, "port")), kind: "short" }),
      text("process", "process", (row) => found(row, "process")),
      text("what", "what", said, { wide: true }),
      text("looks", "looks", (row) => looksOf(roster, finding[row])),
      text("user", "user", (row) => fact(row, "User")),
      text("executable", "executable", (row) => fact(row, "Executable")),
      text("package", "package", (row) => fact(row, "Package")),
      text("waiver", "waiver", (row) => found(row, "waiver")),
    ],
  };
}

function matrixView(roster, selection) {
  const rules = selection.rulesLeft();
  const cell = (host, rule) => (selection.has(host, rule) ? roster.verdicts[roster.verdict(host, rule)] : "");
  const word = (host, rule) => (selection.has(host, rule) ? roster.words[roster.verdict(host, rule)] : "");
  const leads = (host, rule) => (roster.looking.includes(roster.verdict(host, rule)) && selection.has(host, rule) ? { host: roster.name(host), rule: roster.rule(rule, "key"), view: "hosts" } : null);
  const badness = (host, rule) => roster.verdicts.length - [roster.FAIL, roster.UNPROVEN, roster.WAIVED, roster.PASS].indexOf(selection.has(host, rule) ? roster.verdict(host, rule) : -1);
  return {
    noun: "host",
    rows: selection.hosts,
    compact: true,
    columns: [
      text("host", "host", (host) => roster.name(host), { to: (host) => ({ host: roster.name(host), view: "hosts" }) }),
      ...rules.map((rule) =>
        text(roster.rule(rule, "key"), roster.rule(rule, "key"), (host) => word(host, rule), { by: (host) => -badness(host, rule), kind: "mark", verdict: (host) => cell(host, rule), to: (host) => leads(host, rule) }),
      ),
    ],
  };
}

function changesView(roster, selection) {
  const { changes } = roster.told;
  const told = (column) => (row) => roster.texts[changes[column][row]];
  const { search, host, rule, severity } = selection.wanted;
  const words = wordsOf(search);
  const left = changes.kind.flatMap((_, row) => {
    const all = ["kind", "what", "host", "rule"].map((column) => told(column)(row).toLowerCase()).join(" ");
    const right = words.every((word) => all.includes(word)) && told("host")(row).toLowerCase().includes(host.toLowerCase());
    return right && (rule === "" || told("rule")(row) === rule) && (severity === "" || told("severity")(row) === severity) ? [row] : [];
  });
  return {
    noun: "change",
    rows: left,
    columns: [
      text("kind", "change", told("kind")),
      text("host", "host", told("host"), { to: (row) => (told("host")(row) ? { host: told("host")(row), view: "hosts" } : null) }),
      text("rule", "rule", told("rule")),
      text("severity", "severity", told("severity"), { kind: "short" }),
      text("since", "since", told("since")),
      text("what", "what", told("what"), { wide: true }),
    ],
  };
}

const VIEWS = {
  rules: ["Rules", rulesView],
  hosts: ["Hosts", hostsView],
  groups: ["Groups", groupsView],
  ports: ["Ports and processes", portsView],
  evidence: ["Evidence", evidenceView],
  matrix: ["Matrix", matrixView],
  changes: ["Changes", changesView],
};
