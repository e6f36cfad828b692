// The report is readable without this script. It adds the tables: everything there is, from the
// page's data block. Text only ever becomes text: no markup is built from strings.
"use strict";

const find = (id) => document.getElementById(id);

const make = (tag, attributes, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
};

const number = (count) => count.toLocaleString("en");
const many = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

// Base64 of a zlib stream (RFC 1950) of JSON. Browsers say of a damaged one that nothing was fetched.
async function unpack(text) {
  try {
    const packed = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : decoded(atob(text));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return await new Response(stream).json();
  } catch (cause) {
    throw new Error("the data of this file is damaged; get it again, or render it again", { cause });
  }
}

function decoded(binary) {
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

// Every verdict and all evidence. Hosts, rules, states and findings are numbers: places in the
// columns of the document (see renderers/view/data.py).
class Roster {
  constructor(told) {
    this.told = told;
    this.texts = told.texts;
    this.hosts = told.hosts.name.length;
    this.rules = told.rules.key.length;
    this.words = told.words;
    this.verdicts = told.verdicts;
    this.verdictOf = Uint8Array.from(told.states.verdict);
    this.rowOf = Uint32Array.from(told.hosts.row);
    this.cells = this.spread(told.rows);
    this.start = this.starts(told.found.host);
    this.FAIL = told.verdicts.indexOf("fail");
    this.PASS = told.verdicts.indexOf("pass");
    this.UNPROVEN = told.verdicts.indexOf("unproven");
    this.WAIVED = told.verdicts.indexOf("waived");
    this.looking = [this.FAIL, this.WAIVED, this.UNPROVEN];
    this.marks = Array.from(told.rows, (_, row) => this.markedIn(row));
  }

  // Rows of runs as one array: the state of each rule, row after row.
  spread(rows) {
    const cells = new Uint32Array(rows.length * this.rules);
    rows.forEach((runs, row) => {
      let at = row * this.rules;
      for (let run = 0; run < runs.length; run += 2) {
        cells.fill(runs[run], at, at + runs[run + 1]);
        at += runs[run + 1];
      }
    });
    return cells;
  }

  // Where each host's findings begin: they are in the order of hosts.
  starts(hosts) {
    const start = new Uint32Array(this.hosts + 1);
    for (const host of hosts) start[host + 1] += 1;
    for (let at = 0; at < this.hosts; at += 1) start[at + 1] += start[at];
    return start;
  }

  markedIn(row) {
    const marked = [];
    for (let rule = 0; rule < this.rules; rule += 1) {
      if (this.looking.includes(this.verdictOf[this.cells[row * this.rules + rule]])) marked.push(rule);
    }
    return marked;
  }

  state(host, rule) {
    return this.cells[this.rowOf[host] * this.rules + rule];
  }

  verdict(host, rule) {
    return this.verdictOf[this.state(host, rule)];
  }

  name(host) {
    return this.texts[this.told.hosts.name[host]];
  }

  groupsOf(host) {
    return this.told.groups[this.told.hosts.groups[host]].map((text) => this.texts[text]);
  }

  looked(host, column) {
    return this.texts[this.told.hosts[column][host]];
  }

  rule(rule, column) {
    return this.texts[this.told.rules[column][rule]];
  }

  severity(rule) {
    return this.told.severities[this.told.rules.severity[rule]];
  }

  found(finding, column) {
    return this.texts[this.told.findings[column][finding]];
  }

  // What is known of a finding under a label, of all who hold it.
  fact(finding, label) {
    const { facts, holders, findings } = this.told;
    const values = new Set();
    for (const holder of findings.holders[finding]) {
      for (const fact of holders[holder]) {
        if (this.texts[facts.label[fact]] === label && facts.known[fact]) values.add(this.texts[facts.value[fact]]);
      }
    }
    return [...values].join(", ");
  }

  findingsOn(host, rule) {
    const found = [];
    for (let at = this.start[host]; at < this.start[host + 1]; at += 1) {
      if (this.told.found.rule[at] === rule) found.push(this.told.found.finding[at]);
    }
    return found;
  }

  // The host of a name, or undefined.
  hostOf(name) {
    this.byName ??= new Map(Array.from({ length: this.hosts }, (_, host) => [this.name(host), host]));
    return this.byName.get(name);
  }

  ruleOf(key) {
    return this.told.rules.key.findIndex((text) => this.texts[text] === key);
  }

  // Texts for searching: in lower case, made once, when they are needed.
  get lower() {
    this.lowered ??= this.texts.map((text) => text.toLowerCase());
    return this.lowered;
  }

  // Each distinct group with the sets it is in.
  get groups() {
    if (this.groupSets === undefined) {
      this.groupSets = new Map();
      this.told.groups.forEach((set, at) => {
        for (const text of set) {
          const name = this.texts[text];
          if (!this.groupSets.has(name)) this.groupSets.set(name, new Set());
          this.groupSets.get(name).add(at);
        }
      });
    }
    return this.groupSets;
  }
}
