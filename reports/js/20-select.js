// What the filters leave. A verdict is left when its host, its rule and what it says match every
// filter and every word; words may be found in the host, the rule, the verdict or its evidence.

const MOST_WORDS = 16;

const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean).slice(0, MOST_WORDS);

// Which words each text of the roster has, as bits.
function bitsOfTexts(roster, words) {
  const bits = new Uint32Array(roster.texts.length);
  words.forEach((word, bit) => {
    const { lower } = roster;
    for (let at = 0; at < lower.length; at += 1) {
      if (lower[at].includes(word)) bits[at] |= 1 << bit;
    }
  });
  return bits;
}

// The words found in hosts, rules, states and findings, as bits; and those of all words.
function bitsOf(roster, words) {
  const { told } = roster;
  const text = bitsOfTexts(roster, words);
  const all = (texts) => texts.reduce((sum, at) => sum | text[at], 0);
  const word = roster.words.map((each) => words.reduce((sum, one, bit) => sum | (each.includes(one) ? 1 << bit : 0), 0));
  const severity = told.severities.map((each) => words.reduce((sum, one, bit) => sum | (each === one ? 1 << bit : 0), 0));
  const groups = told.groups.map(all);
  const hosts = new Uint32Array(roster.hosts);
  const { name, source, platform, privilege } = told.hosts;
  for (let host = 0; host < roster.hosts; host += 1) {
    hosts[host] = text[name[host]] | groups[told.hosts.groups[host]] | text[source[host]] | text[platform[host]] | text[privilege[host]];
  }
  return {
    every: 2 ** words.length - 1,
    hosts,
    rules: told.rules.key.map((key, rule) => text[key] | text[told.rules.title[rule]] | text[told.rules.policy[rule]] | severity[told.rules.severity[rule]]),
    states: told.states.verdict.map((verdict, state) => word[verdict] | text[told.states.reason[state]] | text[told.states.detail[state]] | all(told.states.notes[state])),
    findings: words.length === 0 ? null : bitsOfFindings(roster, text, all),
  };
}

function bitsOfFindings(roster, text, all) {
  const { findings, facts, holders, stories } = roster.told;
  const fact = facts.value.map((value) => text[value]);
  const holder = holders.map((held) => held.reduce((sum, each) => sum | fact[each], 0));
  const story = stories.map(([, looks, reasons]) => text[looks] | all(reasons));
  return findings.message.map((message, at) => {
    const held = findings.holders[at].reduce((sum, each) => sum | holder[each], 0);
    const told = findings.story[at] < 0 ? 0 : story[findings.story[at]];
    return text[message] | text[findings.endpoint[at]] | text[findings.port[at]] | text[findings.reach[at]] | text[findings.waiver[at]] | held | told;
  });
}

// A port filter is a number or a number with its protocol: 609, 609/tcp.
const portIs = (wanted) => {
  const plain = wanted.trim().toLowerCase();
  return (port) => port === plain || port.split("/")[0] === plain;
};

function hostTest(roster, wanted) {
  const sets = wanted.group ? (roster.groups.get(wanted.group) ?? new Set()) : null;
  const exact = wanted.host ? roster.hostOf(wanted.host) : undefined;
  const part = wanted.host.toLowerCase();
  const { name, groups } = roster.told.hosts;
  return (host) => {
    if (sets !== null && !sets.has(groups[host])) return false;
    if (exact !== undefined) return host === exact;
    return part === "" || roster.lower[name[host]].includes(part);
  };
}

function ruleTests(roster, wanted) {
  return Array.from({ length: roster.rules }, (_, rule) => {
    const right = wanted.rule === "" || roster.rule(rule, "key") === wanted.rule;
    return right && (wanted.severity === "" || roster.severity(rule) === wanted.severity);
  });
}

function stateTests(roster, wanted) {
  const { states } = roster.told;
  return states.verdict.map((verdict, state) => {
    const right = wanted.verdict === "" || roster.verdicts[verdict] === wanted.verdict;
    return right && (wanted.reason === "" || roster.texts[states.reason[state]] === wanted.reason);
  });
}

// Which findings match the filters for ports and processes; null where there is no such filter.
function findingTests(roster, wanted) {
  if (wanted.port === "" && wanted.process === "") return null;
  const { findings } = roster.told;
  const isPort = wanted.port === "" ? () => true : portIs(wanted.port);
  const part = wanted.process.toLowerCase();
  return findings.port.map((port, at) => isPort(roster.texts[port]) && roster.lower[findings.process[at]].includes(part));
}

class Selection {
  constructor(roster, wanted) {
    this.roster = roster;
    this.wanted = wanted;
    this.bits = bitsOf(roster, wordsOf(wanted.search));
    this.ruleOk = ruleTests(roster, wanted);
    this.stateOk = stateTests(roster, wanted);
    this.findingOk = findingTests(roster, wanted);
    this.kinds = roster.words.length;
    this.counts = new Uint32Array(roster.hosts * this.kinds);
    this.ruleCounts = Array.from({ length: roster.rules }, () => new Array(this.kinds).fill(0));
    this.totals = new Array(this.kinds).fill(0);
    this.hosts = [];
    this.found = [];
    this.extra = new Set();
    this.plans = new Map();
    this.run();
  }

  // Which rules of a row are left on hosts in which the same words were found, and their counts.
  plan(row, bits) {
    const key = row * (this.bits.every + 1) + bits;
    if (!this.plans.has(key)) this.plans.set(key, this.planned(row, bits));
    return this.plans.get(key);
  }

  planned(row, bits) {
    const { roster } = this;
    const plan = { ok: new Uint8Array(roster.rules), counts: new Array(this.kinds).fill(0), hosts: 0, row };
    if (this.findingOk !== null) return plan;
    for (let rule = 0; rule < roster.rules; rule += 1) {
      const state = roster.cells[row * roster.rules + rule];
      const words = bits | this.bits.rules[rule] | this.bits.states[state];
      if (this.ruleOk[rule] && this.stateOk[state] && words === this.bits.every) {
        plan.ok[rule] = 1;
        plan.counts[roster.verdictOf[state]] += 1;
      }
    }
    return plan;
  }

  run() {
    const { roster } = this;
    const inside = hostTest(roster, this.wanted);
    for (let host = 0; host < roster.hosts; host += 1) {
      if (!inside(host)) continue;
      const plan = this.plan(roster.rowOf[host], this.bits.hosts[host]);
      plan.hosts += 1;
      for (let kind = 0; kind < this.kinds; kind += 1) this.counts[host * this.kinds + kind] = plan.counts[kind];
      if (roster.start[host] < roster.start[host + 1]) this.takeFindings(host, plan);
      if (this.countOn(host) > 0) this.hosts.push(host);
    }
    this.addUp();
  }

  takeFindings(host, plan) {
    const { roster } = this;
    const { rule: rules, finding: findings } = roster.told.found;
    for (let at = roster.start[host]; at < roster.start[host + 1]; at += 1) {
      const rule = rules[at];
      const finding = findings[at];
      const state = roster.state(host, rule);
      if (!this.ruleOk[rule] || !this.stateOk[state]) continue;
      if (this.findingOk !== null && !this.findingOk[finding]) continue;
      const said = this.bits.findings === null ? 0 : this.bits.findings[finding];
      if ((said | this.bits.hosts[host] | this.bits.rules[rule] | this.bits.states[state]) !== this.bits.every) continue;
      this.found.push(at);
      if (plan.ok[rule] === 0) this.addExtra(host, rule, roster.verdictOf[state]);
    }
  }

  // A verdict that is left because of its evidence alone.
  addExtra(host, rule, verdict) {
    const cell = host * this.roster.rules + rule;
    if (this.extra.has(cell)) return;
    this.extra.add(cell);
    this.counts[host * this.kinds + verdict] += 1;
    this.ruleCounts[rule][verdict] += 1;
  }

  addUp() {
    const { roster } = this;
    for (const { ok, hosts, row } of this.plans.values()) {
      for (let rule = 0; rule < roster.rules; rule += 1) {
        if (ok[rule]) this.ruleCounts[rule][roster.verdictOf[roster.cells[row * roster.rules + rule]]] += hosts;
      }
    }
    for (const counts of this.ruleCounts) counts.forEach((count, kind) => (this.totals[kind] += count));
  }

  count(host, kind) {
    return this.counts[host * this.kinds + kind];
  }

  countOn(host) {
    let sum = 0;
    for (let kind = 0; kind < this.kinds; kind += 1) sum += this.count(host, kind);
    return sum;
  }

  has(host, rule) {
    return this.leftOn(host)(rule);
  }

  // A test of which rules are left on a host; made once a host where there are many.
  leftOn(host) {
    const { ok } = this.plan(this.roster.rowOf[host], this.bits.hosts[host]);
    if (this.extra.size === 0) return (rule) => ok[rule] === 1;
    return (rule) => ok[rule] === 1 || this.extra.has(host * this.roster.rules + rule);
  }

  rulesLeft() {
    return this.ruleCounts.flatMap((counts, rule) => (counts.some(Boolean) ? [rule] : []));
  }

  get verdicts() {
    return this.totals.reduce((sum, count) => sum + count, 0);
  }
}
