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

const seen = { at: new Date() };

function answers(yes) {
  const note = document.getElementById("lost");
  if (yes) seen.at = new Date();
  note.querySelector("time").textContent = seen.at.toISOString().slice(11, 19);
  note.hidden = yes;
}

// What is open in a part, and where the keyboard is, so that it can be so again when the part is another.
function place(part) {
  const link = document.activeElement;
  const open = [...part.querySelectorAll("details")].map((one) => one.open);
  const unfold = () => part.querySelectorAll("details").forEach((one, at) => { one.open = open[at] ?? false; });
  if (!part.contains(link) || link === part) return unfold;
  const same = () => [...part.querySelectorAll("a, button, summary")].filter(
    (one) => one.getAttribute("href") === link.getAttribute("href") && one.textContent === link.textContent);
  const at = same().indexOf(link);
  return () => { unfold(); same()[at]?.focus({ preventScroll: true }); };
}

function listen(part) {
  const source = new EventSource(part.dataset.live);
  source.addEventListener("overview", (event) => {
    const back = place(part);
    part.innerHTML = event.data;
    htmx.process(part);
    back();
    answers(true);
  });
  source.addEventListener("same", () => answers(true));
  source.addEventListener("error", () => answers(false));
  addEventListener("pagehide", () => source.close());
}

// What is sent by htmx waits for it: the browser itself would only load the page again.
function ready(part) {
  part.querySelectorAll("button[data-ready]").forEach((button) => {
    button.disabled = false;
    delete button.dataset.ready;
    if (button.autofocus) button.focus();
  });
}

addEventListener("htmx:load", (event) => ready(event.detail.elt));
addEventListener("DOMContentLoaded", () => ready(document));
addEventListener("htmx:sendError", () => answers(false));
addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live]").forEach(listen));
