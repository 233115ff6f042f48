"use strict";
// Keys, and what a page is told by the console: everything else is plain HTML and htmx.

const pending = { key: "" };

function rows() {
  return [...document.querySelectorAll("table.rows tbody tr")].filter((row) => row.querySelector("a"));
}

function go(step) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  if (next) next.querySelector("a").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (pending.key === "g") {
    pending.key = "";
    const page = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (page) page.click();
    return;
  }
  pending.key = event.key;
  if (event.key === "/") {
    const field = document.querySelector("[data-search]");
    if (field) { event.preventDefault(); field.focus(); }
  }
  if (event.key === "j") go(1);
  if (event.key === "k") go(-1);
});

function listen(part) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener("overview", (event) => {
    part.innerHTML = event.data;
    htmx.process(part);
  });
  addEventListener("pagehide", () => source.close());
}

addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live]").forEach(listen));
