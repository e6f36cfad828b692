// The whole matrix at one look: a column for each rule, and for each line as many hosts as fit.

const MOST_LINES = 320;
const LEAST_HOSTS = 40;

class Heat {
  constructor(figure, goTo) {
    this.figure = figure;
    this.canvas = figure.querySelector("canvas");
    this.caption = figure.querySelector("figcaption");
    this.canvas.addEventListener("click", (event) => {
      const share = event.offsetY / this.canvas.clientHeight;
      if (Number.isFinite(share)) goTo(Math.floor(share * this.hosts.length));
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  show(roster, selection, hosts) {
    this.roster = roster;
    this.selection = selection;
    this.hosts = hosts;
    this.rules = selection.rulesLeft();
    this.figure.hidden = hosts.length < LEAST_HOSTS || this.rules.length === 0;
    if (this.figure.hidden) return;
    const counts = roster.words.map((word, kind) => `${number(selection.totals[kind])} ${word}`).join(", ");
    const lines = Math.min(hosts.length, MOST_LINES);
    const each = many(Math.ceil(hosts.length / lines), "host");
    this.canvas.setAttribute("aria-label", `Heat map of ${many(hosts.length, "host")} by ${many(this.rules.length, "rule")}: ${counts}. The table below tells the same.`);
    this.caption.textContent = `${many(hosts.length, "host")} from top to bottom, ${each} a line; ${many(this.rules.length, "rule")} from left to right. The stronger the colour, the more of a line's hosts: ${counts}.`;
    this.paint();
  }

  paint() {
    if (this.hosts === undefined || this.figure.hidden) return;
    const lines = Math.min(this.hosts.length, MOST_LINES);
    this.canvas.width = this.rules.length;
    this.canvas.height = lines;
    const context = this.canvas.getContext("2d");
    const picture = context.createImageData(this.rules.length, lines);
    const colours = this.colours();
    for (let line = 0; line < lines; line += 1) this.paintLine(picture, line, lines, colours);
    context.putImageData(picture, 0, 0);
  }

  paintLine(picture, line, lines, colours) {
    const { roster, selection, rules, hosts } = this;
    const from = Math.floor((line * hosts.length) / lines);
    const to = Math.floor(((line + 1) * hosts.length) / lines);
    const kinds = roster.words.length;
    const counts = new Uint32Array(rules.length * kinds);
    for (let at = from; at < to; at += 1) {
      const left = selection.leftOn(hosts[at]);
      for (let column = 0; column < rules.length; column += 1) {
        if (left(rules[column])) counts[column * kinds + roster.verdict(hosts[at], rules[column])] += 1;
      }
    }
    rules.forEach((_, column) => {
      const own = Array.from(counts.subarray(column * kinds, (column + 1) * kinds));
      picture.data.set(this.colour(own, to - from, colours), 4 * (line * rules.length + column));
    });
  }

  // The worst verdict's colour, the stronger the more hosts have it, over that of most hosts.
  colour(counts, hosts, colours) {
    const { FAIL, UNPROVEN, WAIVED } = this.roster;
    const quiet = counts.reduce((best, count, kind) => (!this.roster.looking.includes(kind) && count > counts[best] ? kind : best), this.roster.PASS);
    const ground = counts[quiet] > 0 ? colours[quiet] : colours.paper;
    const worst = [FAIL, UNPROVEN, WAIVED].find((kind) => counts[kind] > 0);
    if (worst === undefined) return [...ground, 255];
    const strength = 0.35 + 0.65 * Math.sqrt(counts[worst] / hosts);
    return [...ground.map((part, at) => Math.round(part + (colours[worst][at] - part) * strength)), 255];
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const parts = (name) => [1, 3, 5].map((at) => Number.parseInt(style.getPropertyValue(name).trim().slice(at, at + 2), 16));
    const colours = this.roster.verdicts.map((verdict) => parts(`--heat-${verdict}`));
    colours.paper = parts("--paper");
    return colours;
  }
}
