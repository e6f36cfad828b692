// All there is about one host, as the evidence above is written: the same parts, the same classes.

function shape(verdict) {
  const { namespaceURI } = document.querySelector("svg.shapes");
  const svg = document.createElementNS(namespaceURI, "svg");
  svg.setAttribute("class", `shape v-${verdict}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(namespaceURI, "use");
  use.setAttribute("href", `#shape-${verdict}`);
  svg.append(use);
  return svg;
}

function factList(pairs, kind) {
  return make("dl", { class: kind }, ...pairs.map(([label, value, known]) => make("div", {}, make("dt", {}, label), make("dd", { class: known === 0 ? "unknown" : null }, value))));
}

class Detail {
  constructor(roster, section) {
    this.roster = roster;
    this.section = section;
  }

  show(host, selection) {
    const { roster } = this;
    this.section.hidden = host === null;
    if (host === null) {
      this.section.replaceChildren();
      return;
    }
    const title = make("h3", { id: "detail-title", tabindex: -1 }, roster.name(host));
    const groups = roster.groupsOf(host).join(", ");
    this.section.replaceChildren(title, groups ? make("p", { class: "groups" }, groups) : "", this.looked(host), ...this.verdicts(host, selection));
  }

  looked(host) {
    const { roster } = this;
    const source = roster.looked(host, "source");
    const all = (column) => roster.told.hosts[column][host].map((text) => roster.texts[text]).join("; ");
    const pairs = [
      ["Source", source || "not looked at", source ? 1 : 0],
      ...["platform", "privilege", "proof"].map((column) => [column[0].toUpperCase() + column.slice(1), roster.looked(host, column)]),
      ["Not seen", all("unseen")],
      ["Tried before", all("tried")],
      ["Looked at", roster.looked(host, "taken")],
      ["Took", roster.looked(host, "took")],
    ];
    return factList(pairs.filter(([, value]) => value !== ""), "terms");
  }

  verdicts(host, selection) {
    const { roster } = this;
    const rules = Array.from({ length: roster.rules }, (_, rule) => rule).filter((rule) => selection.has(host, rule));
    const loud = rules.filter((rule) => roster.looking.includes(roster.verdict(host, rule)));
    const rank = (rule) => [roster.looking.indexOf(roster.verdict(host, rule)), -roster.told.rules.severity[rule]];
    loud.sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1] || a - b);
    const quiet = rules.filter((rule) => !loud.includes(rule));
    return [...loud.map((rule) => this.verdict(host, rule)), this.quiet(host, quiet)];
  }

  verdict(host, rule) {
    const { roster } = this;
    const kind = roster.verdict(host, rule);
    const verdict = roster.verdicts[kind];
    const head = make("h4", {}, shape(verdict), " ", make("span", { class: `word v-${verdict}` }, `${roster.words[kind]}: `), roster.rule(rule, "title"));
    const label = make("p", { class: "label" }, make("span", { class: `severity s-${roster.severity(rule)}` }, roster.severity(rule)), " ", make("code", {}, roster.rule(rule, "key")));
    const findings = roster.findingsOn(host, rule).map((finding) => this.finding(finding));
    return make("article", { class: "told" }, label, head, ...this.said(host, rule), findings.length > 0 ? make("ul", { class: "findings" }, ...findings) : "");
  }

  // What a judgement says beside its findings.
  said(host, rule) {
    const { texts, told } = this.roster;
    const state = this.roster.state(host, rule);
    const reason = texts[told.states.reason[state]];
    const detail = texts[told.states.detail[state]];
    const notes = told.states.notes[state].map((note) => make("p", { class: "note" }, `Also seen: ${texts[note]}`));
    const text = [reason, detail].filter(Boolean).join(": ");
    return [text ? make("p", { class: "detail" }, text) : "", ...notes];
  }

  // Rules that pass or are not for the host, by what is said of them.
  quiet(host, rules) {
    if (rules.length === 0) return "";
    const { roster } = this;
    const parts = rules.map((rule) => {
      const kind = roster.verdict(host, rule);
      return make("li", {}, shape(roster.verdicts[kind]), " ", make("span", { class: "word" }, roster.words[kind]), " ", make("code", {}, roster.rule(rule, "key")), ...this.said(host, rule));
    });
    return make("ul", { class: "quiet" }, ...parts);
  }

  finding(finding) {
    const { roster } = this;
    const { findings, holders } = roster.told;
    const [endpoint, reach, message, waiver] = ["endpoint", "reach", "message", "waiver"].map((column) => roster.found(finding, column));
    const what = make("div", { class: "what" },
      endpoint ? make("p", { class: "endpoint" }, endpoint) : "",
      endpoint ? make("p", { class: "reach" }, reach) : "",
      make("p", { class: "message" }, message),
      waiver ? make("p", { class: "waiver" }, waiver) : "",
      findings.story[finding] < 0 ? "" : this.story(findings.story[finding]));
    const held = findings.holders[finding].map((holder) => factList(holders[holder].map((fact) => this.fact(fact)), "facts"));
    return make("li", { class: "finding" }, what, held.length > 0 ? make("div", { class: "holders" }, ...held) : "");
  }

  fact(fact) {
    const { texts, told } = this.roster;
    return [texts[told.facts.label[fact]], texts[told.facts.value[fact]], told.facts.known[fact]];
  }

  story(story) {
    const { texts, told } = this.roster;
    const [kind, looks, reasons, passages] = told.stories[story];
    return make("div", { class: `story r-${texts[kind]}` },
      make("p", { class: "looks" }, texts[looks]),
      make("ul", {}, ...reasons.map((reason) => make("li", {}, texts[reason]))),
      ...passages.flatMap(([steps, paragraphs]) => this.passage(steps, paragraphs)));
  }

  passage(steps, paragraphs) {
    const spans = (parts) => parts.map(([text, code]) => (code ? make("code", {}, this.roster.texts[text]) : this.roster.texts[text]));
    if (!steps) return paragraphs.map(([, parts]) => make("p", {}, ...spans(parts)));
    return [make("ol", { class: "steps" }, ...paragraphs.map(([step, parts]) => make("li", { value: step }, ...spans(parts))))];
  }
}
