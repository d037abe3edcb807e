"use strict";
// Sorts a table by the column whose heading is pressed. Without this script every table reads as it stands.
const value = (row, column) => {
  const text = row.cells[column].textContent.trim();
  const number = parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(number) ? text : number;
};
const compare = (a, b) => {
  if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b);
  return typeof a === "number" ? -1 : 1; // what is not known comes last
};
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    if (!heading.textContent.trim()) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(value(a, column), value(b, column)) * (down ? -1 : 1));
      table.tBodies[0].append(...rows);
    });
  });
}
// A long page gets a list of its parts below the heading.
const parts = [...document.querySelectorAll("h2")];
if (parts.length > 4) {
  const nav = document.createElement("nav");
  nav.setAttribute("aria-label", "Parts of this page");
  parts.forEach((part, number) => {
    part.id = `part-${number}`;
    const link = document.createElement("a");
    link.href = `#${part.id}`;
    link.textContent = part.textContent;
    nav.append(link, " ");
  });
  parts[0].before(nav);
}
// What is folded away is not on paper unless it is opened for it.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
