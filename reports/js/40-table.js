// A table of any length: only the rows in sight are in the page. It is a grid with one active row,
// moved by keys; what has the focus is the table, so that no row that leaves takes the focus along.

const MARGIN = 12;
const SPACER = "spacer";

class Grid {
  constructor(box, opens) {
    this.box = box;
    this.opens = opens;
    this.active = 0;
    this.first = -1;
    this.box.addEventListener("scroll", () => requestAnimationFrame(() => this.draw()), { passive: true });
    new ResizeObserver(() => this.draw()).observe(box);
  }

  // Show a view in an order; `label` is the table's name.
  show(view, order, sorted, label) {
    this.view = view;
    this.order = order;
    this.active = 0;
    this.first = -1;
    this.head = make("thead", {}, this.headRow(sorted));
    this.body = make("tbody", {});
    this.table = make("table", { class: view.compact ? "rows compact" : "rows", role: "grid", tabindex: 0, "aria-label": label, "aria-rowcount": order.length + 1, "aria-colcount": view.columns.length }, this.head, this.body);
    this.table.addEventListener("keydown", (event) => this.press(event));
    this.table.addEventListener("click", (event) => this.click(event));
    this.box.replaceChildren(this.table);
    this.box.scrollTop = 0;
    this.draw();
  }

  headRow(sorted) {
    const cells = this.view.columns.map((column) => {
      const direction = sorted.id === column.id ? (sorted.down ? "descending" : "ascending") : null;
      const arrow = direction === null ? "" : direction === "descending" ? " ↓" : " ↑";
      const button = make("button", { type: "button", "data-sort": column.id, title: `sort by ${column.title}`, tabindex: -1 }, make("span", {}, column.title + arrow));
      return make("th", { scope: "col", class: kindOf(column), "aria-sort": direction }, button);
    });
    return make("tr", { "aria-rowindex": 1 }, ...cells);
  }

  get rowHeight() {
    const row = this.body.querySelector("tr[data-at]");
    return row?.getBoundingClientRect().height || this.height || 34;
  }

  draw() {
    if (this.view === undefined) return;
    if (this.order.length === 0) {
      this.body.replaceChildren(make("tr", {}, make("td", { class: "nothing", colspan: this.view.columns.length }, "Nothing matches.")));
      return;
    }
    this.height = this.rowHeight;
    const shown = Math.ceil(this.box.clientHeight / this.height) + 2 * MARGIN;
    const top = Math.floor(this.box.scrollTop / this.height) - MARGIN;
    const first = Math.max(0, Math.min(top - (top % 2), this.order.length - shown));
    if (first === this.first && this.body.childElementCount > 2) return;
    this.first = first;
    const last = Math.min(this.order.length, first + shown);
    const rows = [];
    for (let at = first; at < last; at += 1) rows.push(this.row(at));
    this.body.replaceChildren(this.spacer(first), ...rows, this.spacer(this.order.length - last));
    this.mark();
  }

  spacer(rows) {
    const row = make("tr", { class: SPACER, role: "presentation", "aria-hidden": "true" }, make("td", { colspan: this.view.columns.length }));
    row.firstChild.style.height = `${rows * this.height}px`;
    row.hidden = rows === 0;
    return row;
  }

  row(at) {
    const thing = this.order[at];
    const cells = this.view.columns.map((column, place) => this.cell(column, thing, place));
    return make("tr", { "data-at": at, id: `row-${at}`, "aria-rowindex": at + 2, class: at % 2 ? "odd" : null }, ...cells);
  }

  cell(column, thing, place) {
    const value = column.of(thing);
    const shown = typeof value === "number" ? number(value) : value;
    const verdict = typeof column.verdict === "function" ? column.verdict(thing) : column.verdict;
    const classes = [kindOf(column), verdict && (value !== 0) ? `v-${verdict}` : "", value === 0 ? "zero" : ""].filter(Boolean).join(" ");
    const to = column.to(thing);
    const inside = to === null ? make("span", {}, shown) : make("a", { href: hashOf(to), tabindex: -1 }, shown);
    return make(place === 0 ? "th" : "td", { class: classes || null, scope: place === 0 ? "row" : null, title: shown.length > 24 ? shown : null }, inside);
  }

  // The active row is marked, and named to those who do not see it.
  mark() {
    this.body.querySelector(".active")?.classList.remove("active");
    const row = this.body.querySelector(`tr[data-at="${this.active}"]`);
    row?.classList.add("active");
    if (row) this.table.setAttribute("aria-activedescendant", row.id);
    else this.table.removeAttribute("aria-activedescendant");
  }

  // Make a row the active one, and bring it into sight.
  go(at) {
    this.active = Math.max(0, Math.min(at, this.order.length - 1));
    const top = this.active * this.height;
    const room = this.box.clientHeight - this.head.offsetHeight - this.height;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top > this.box.scrollTop + room) this.box.scrollTop = top - room;
    this.draw();
    this.mark();
  }

  press(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.height) - 2);
    const last = this.order.length - 1;
    const moves = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page, PageUp: this.active - page, Home: 0, End: last };
    if (event.key in moves && !event.ctrlKey && !event.metaKey && !event.altKey) {
      this.go(moves[event.key]);
    } else if (event.key === "Enter") {
      this.open(this.order[this.active]);
    } else if (event.key === "c" && (event.ctrlKey || event.metaKey) && getSelection().isCollapsed) {
      this.opens.copy(this.order[this.active]);
    } else {
      return;
    }
    event.preventDefault();
  }

  open(thing) {
    if (thing === undefined) return;
    const to = this.view.columns.map((column) => column.to(thing)).find((each) => each !== null);
    if (to) this.opens.follow(to);
  }

  click(event) {
    const sort = event.target.closest("button[data-sort]");
    if (sort !== null) {
      this.opens.sort(sort.dataset.sort);
      return;
    }
    const link = event.target.closest("a");
    const row = event.target.closest("tr[data-at]");
    if (row !== null) {
      this.active = Number(row.dataset.at);
      this.mark();
    }
    if (link !== null) {
      event.preventDefault();
      this.opens.follow(this.view.columns[link.parentElement.cellIndex].to(this.order[this.active]));
    }
  }
}

const kindOf = (column) => (column.wide ? "wide" : column.kind);

// The rows of a view, sorted by one of its columns; as they come where there is none.
function sortedRows(view, sorted) {
  const column = view.columns.find((each) => each.id === sorted.id);
  if (column === undefined) return view.rows;
  const keys = view.rows.map((row) => column.by(row));
  const sign = sorted.down ? -1 : 1;
  const order = keys.map((_, at) => at);
  order.sort((a, b) => (keys[a] < keys[b] ? -sign : keys[a] > keys[b] ? sign : a - b));
  return order.map((at) => view.rows[at]);
}
