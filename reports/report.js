// The report is whole without this script. It adds a filter and two buttons.
"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const find = (id) => document.getElementById(id);
  const items = all("[data-item]");
  const groups = all("[data-group]");
  const folds = all("details");
  const opened = new Set();
  const texts = new Map();

  const textOf = (item) => {
    if (!texts.has(item)) {
      const group = item.closest("[data-group]");
      const names = group === null ? [] : [...group.querySelectorAll(".title, .label code, summary code")];
      const parts = [item, ...names].map((element) => element.textContent);
      texts.set(item, parts.join(" ").toLowerCase());
    }
    return texts.get(item);
  };

  const unfoldMatches = (words) => {
    for (const fold of folds) {
      const matches = words.length > 0 && fold.querySelector("[data-item]:not([hidden])") !== null;
      if (matches && !fold.open) {
        fold.open = true;
        opened.add(fold);
      } else if (!matches && opened.delete(fold)) {
        fold.open = false;
      }
    }
  };

  const say = (words) => {
    const left = items.filter((item) => !item.hidden).length;
    find("matches").textContent =
      words.length > 0 ? `${left} of ${items.length} entries shown` : "";
  };

  const filter = () => {
    const words = find("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of items) {
      item.hidden = !words.every((word) => textOf(item).includes(word));
    }
    for (const group of groups) {
      group.hidden = group.querySelector("[data-item]:not([hidden])") === null;
    }
    unfoldMatches(words);
    say(words);
  };

  const fold = (open) => () => {
    opened.clear();
    for (const each of folds) {
      each.open = open;
    }
  };

  find("filter").addEventListener("input", filter);
  find("expand").addEventListener("click", fold(true));
  find("collapse").addEventListener("click", fold(false));
  find("tools").hidden = false;
})();
