// Tables marked data-tools can be filtered and sorted. Without this script they are just tables.
for (const table of document.querySelectorAll("table[id]")) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 8) continue;
  const label = document.createElement("label");
  label.className = "filter";
  label.textContent = "Show rows with";
  const input = label.appendChild(document.createElement("input"));
  input.type = "search";
  const told = label.appendChild(document.createElement("span"));
  told.setAttribute("role", "status");
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      shown += !row.hidden;
    }
    told.textContent = wanted ? ` ${shown} of ${rows.length}` : "";
  });
  table.parentElement.before(label);
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const value = (row) => row.cells[column].textContent.trim();
      const number = (row) => parseFloat(value(row).replace(/,/g, ""));
      const numeric = head.classList.contains("number");
      const compare = numeric
        ? (a, b) => (number(a) || 0) - (number(b) || 0)
        : (a, b) => value(a).localeCompare(value(b));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      table.tBodies[0].append(...[...rows].sort((a, b) => (up ? compare(a, b) : compare(b, a))));
    });
  });
}
