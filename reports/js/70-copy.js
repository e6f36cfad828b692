// Copies what is shown. CSV is as RFC 4180 says; what a spreadsheet would read as a formula gets an
// apostrophe before it, because host and process names are chosen by others.

const FORMULA = /(^|;)([\s"']*)(?=[=+\-@\uff0b\uff0d\uff1d\uff20])/g;

const guarded = (value) => String(value).replace(FORMULA, "$1'$2");

function csvCell(value) {
  if (typeof value === "number") return String(value);
  const safe = guarded(value);
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csv(view, rows) {
  const lines = [view.columns.map((column) => column.title), ...rows.map((row) => view.columns.map((column) => column.of(row)))];
  return lines.map((cells) => cells.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

const cell = (value) => (typeof value === "number" ? String(value) : guarded(value).replace(/[\t\r\n]+/g, " "));
const plainRow = (view, row) => view.columns.map((column) => cell(column.of(row))).join("\t");

// Whether a text is on the clipboard now. Pages that are not from a secure place use the old way.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedByHand(text);
  }
}

function copiedByHand(text) {
  const area = make("textarea", { class: "off", "aria-hidden": "true", tabindex: -1 });
  const before = document.activeElement;
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  before?.focus?.();
  return done;
}
