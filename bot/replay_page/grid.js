// The table: of 100,000 turns only the rows in sight exist, and the one that has the focus.

const COLUMNS = [
  { id: "place", title: "chat, turn", wide: true, cell: (row) => `${value("conversation", row)}, ${data.turn[row]}` },
  { id: "message", title: "message", cell: (row) => said(data.message[row].slice(0, 300)) },
  { id: "decision", title: "decision", cell: (row) => decided(value("kind", row), value("template", row)) },
  { id: "before", title: "before", both: true, wide: true, cell: (row) => decided(value("kind_before", row), value("template_before", row)) },
  { id: "change", title: "change", both: true, cell: (row) => data.changes[value("change", row)] },
  { id: "intent", title: "read as", wide: true, cell: (row) => value("intent", row) || "–" },
  { id: "confidence", title: "sure", cell: (row) => sure(data.confidence[row]) },
  { id: "verdict", title: "judged", cell: (row) => verdicts[value("verdict", row)] },
  { id: "act", title: "agent", wide: true, cell: (row) => value("act", row) || "–" },
];
const BEYOND = 8; // rows kept above and below those in sight

const narrow = matchMedia("(max-width: 720px)");
const grid = h("div", { role: "grid", id: "turns-grid", "aria-label": "Turns", "aria-describedby": "turns-hint" });
const head = h("div", { role: "row", class: "row head", "aria-rowindex": 1 });
const body = h("div", { role: "rowgroup", class: "body" });
const shown = new Map();
const active = { row: 0, column: 0 };
const sorting = { id: null, up: true };
let order = new Int32Array(0);
let columns = [];
let height = 40;

function rowAt(position) {
  const row = order[position];
  const cells = columns.map((column, place) =>
    h("div", { role: "gridcell", class: `cell ${column.id}`, "aria-colindex": place + 1, tabindex: -1, "data-place": place },
      column.cell(row)));
  const made = h("div", { role: "row", class: "row", "aria-rowindex": position + 2, "data-position": position }, cells);
  made.style.transform = `translateY(${position * height}px)`;
  return made;
}

function draw() {
  const from = Math.max(Math.floor(grid.scrollTop / height) - BEYOND, 0);
  const to = Math.min(Math.ceil((grid.scrollTop + grid.clientHeight) / height) + BEYOND, order.length);
  const wanted = new Set(order.length ? [active.row] : []);
  for (let position = from; position < to; position++) wanted.add(position);
  for (const [position, made] of shown)
    if (!wanted.has(position)) {
      made.remove();
      shown.delete(position);
    }
  // In the order of the turns, so that a screen reader meets them so.
  for (const position of [...wanted].sort((a, b) => a - b)) {
    if (shown.has(position)) continue;
    const made = rowAt(position);
    const next = [...shown.keys()].filter((other) => other > position).sort((a, b) => a - b)[0];
    body.insertBefore(made, next === undefined ? null : shown.get(next));
    shown.set(position, made);
  }
  mark();
}

const activeCell = () => shown.get(active.row)?.children[active.column];

function mark() {
  for (const cell of body.querySelectorAll('[tabindex="0"]')) cell.tabIndex = -1;
  const cell = activeCell();
  if (cell) cell.tabIndex = 0;
}

function focusActive() {
  const top = active.row * height;
  const sight = grid.clientHeight - head.offsetHeight;
  if (top < grid.scrollTop) grid.scrollTop = top;
  else if (top + height > grid.scrollTop + sight) grid.scrollTop = top + height - sight;
  draw();
  activeCell()?.focus({ preventScroll: true });
}

function moveTo(row, column) {
  active.row = Math.max(0, Math.min(row, order.length - 1));
  active.column = Math.max(0, Math.min(column, columns.length - 1));
  focusActive();
}

function openActive() {
  if (order.length) drawEvidence(order[active.row], active.row, order.length);
}

function stepTo(by) {
  active.row = Math.max(0, Math.min(active.row + by, order.length - 1));
  draw();
  openActive();
}

function onKey(event) {
  const page = Math.max(1, Math.floor(grid.clientHeight / height) - 2);
  const { row, column } = active;
  const moves = {
    ArrowDown: [row + 1, column], ArrowUp: [row - 1, column],
    ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
    PageDown: [row + page, column], PageUp: [row - page, column],
    Home: event.ctrlKey ? [0, 0] : [row, 0],
    End: event.ctrlKey ? [order.length - 1, columns.length - 1] : [row, columns.length - 1],
  };
  if (event.key === "Enter") openActive();
  else if (moves[event.key]) moveTo(...moves[event.key]);
  else return;
  event.preventDefault();
}

function onClick(event) {
  const cell = event.target.closest(".cell");
  if (!cell) return;
  Object.assign(active, { row: +cell.parentElement.dataset.position, column: +cell.dataset.place });
  mark();
  if (getSelection().isCollapsed) openActive(); // who marks a text wants to copy it
}

function drawHead() {
  const both = Boolean(data.coded.change);
  const left = (column) => narrow.matches && (column.wide || (both && column.id === "confidence"));
  columns = COLUMNS.filter((column) => (both || !column.both) && !left(column));
  height = narrow.matches ? 72 : 40;
  grid.classList.toggle("both", both);
  grid.setAttribute("aria-colcount", columns.length);
  head.replaceChildren(...columns.map((column, place) => {
    const button = h("button", { type: "button" }, column.title);
    button.addEventListener("click", () => sortBy(column.id));
    const sorted = sorting.id === column.id ? (sorting.up ? "ascending" : "descending") : null;
    return h("div", { role: "columnheader", class: `cell ${column.id}`, "aria-colindex": place + 1, "aria-sort": sorted }, button);
  }));
}

// What rows are sorted by: a number or a text of each.
const collator = new Intl.Collator();
function keys(id) {
  if (id === "confidence") return data.confidence.map((sure) => sure ?? -1);
  if (id === "message") return data.message;
  const name = { place: "conversation", decision: "kind", before: "kind_before" }[id] ?? id;
  const { names, codes } = data.coded[name];
  const ranks = new Int32Array(names.length);
  [...names.keys()].sort((a, b) => collator.compare(names[a], names[b])).forEach((code, rank) => (ranks[code] = rank));
  return codes.map((code) => ranks[code]);
}

function sorted(rows) {
  if (sorting.id === null) return rows;
  const by = keys(sorting.id);
  const way = sorting.up ? 1 : -1;
  return rows.sort((a, b) => (by[a] < by[b] ? -way : by[a] > by[b] ? way : a - b));
}

function sortBy(id) {
  const place = columns.findIndex((column) => column.id === id);
  // Up, down, and as they came.
  if (sorting.id !== id) Object.assign(sorting, { id, up: true });
  else if (sorting.up) sorting.up = false;
  else sorting.id = null;
  drawHead();
  show(sorting.id === null ? order.sort() : order);
  head.children[place].firstElementChild.focus();
}

function show(rows) {
  order = sorted(rows);
  active.row = 0;
  grid.setAttribute("aria-rowcount", order.length + 1);
  body.style.height = `${order.length * height}px`;
  body.replaceChildren();
  shown.clear();
  grid.scrollTop = 0;
  draw();
}

function startGrid() {
  grid.append(h("div", { role: "rowgroup", class: "heads" }, head), body);
  let waiting = false;
  grid.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  });
  body.addEventListener("keydown", onKey);
  body.addEventListener("click", onClick);
  narrow.addEventListener("change", () => {
    active.column = 0;
    drawHead();
    show(order);
  });
  addEventListener("resize", draw);
  drawHead();
}
