// What is looked for, and the start of it all.

const FILTERS = [
  { id: "change", title: "change", names: (name) => data.changes[name] },
  { id: "kind", title: "decision" },
  { id: "verdict", title: "judged", names: (name) => (name ? verdicts[name] : "not judged") },
  { id: "intent", title: "read as" },
  { id: "gold", title: "labelled" },
  { id: "act", title: "agent" },
  { id: "seen", title: "in training data" },
];
const search = h("input", { type: "search", id: "turns-search", autocomplete: "off", spellcheck: "false" });
const told = h("span", { role: "status", class: "told" });
const chosen = new Map();
let haystack = null;
let data = null;

function haystacks() {
  const parts = ["conversation", "template", "intent", "gold"];
  haystack ??= data.message.map((message, row) =>
    [message, ...parts.map((name) => value(name, row))].join("\n").toLowerCase());
  return haystack;
}

function found() {
  const wanted = search.value.trim().toLowerCase();
  const within = wanted ? haystacks() : null;
  const tests = [...chosen].filter(([, select]) => select.value !== "").map(([id, select]) => [data.coded[id].codes, +select.value]);
  const rows = new Int32Array(data.turn.length);
  let count = 0;
  for (let row = 0; row < rows.length; row++)
    if (tests.every(([codes, code]) => codes[row] === code) && (!within || within[row].includes(wanted))) rows[count++] = row;
  return rows.subarray(0, count);
}

function filter() {
  const rows = found();
  show(rows);
  told.textContent = `${rows.length.toLocaleString("en")} of ${data.turn.length.toLocaleString("en")} turns`;
}

function clear() {
  search.value = "";
  for (const select of chosen.values()) select.value = "";
}

function select({ id, title, names = (name) => name || "none" }) {
  const known = data.coded[id]?.names ?? [];
  if (known.length < 2) return null;
  const codes = [...known.keys()].sort((a, b) => collator.compare(known[a], known[b]));
  const made = h("select", null, h("option", { value: "" }, "all"),
    codes.map((code) => h("option", { value: code }, names(known[code]))));
  made.addEventListener("change", filter);
  chosen.set(id, made);
  return h("label", null, title, made);
}

// Buttons elsewhere on the page that show their turns in the table.
function startButtons() {
  for (const button of document.querySelectorAll("[data-filter]")) {
    const wanted = JSON.parse(button.dataset.filter);
    button.hidden = false;
    button.addEventListener("click", () => {
      clear();
      for (const [id, name] of Object.entries(wanted)) {
        const code = data.coded[id]?.names.indexOf(name) ?? -1;
        if (chosen.has(id)) chosen.get(id).value = code < 0 ? "" : code;
        else if (code < 0) search.value = name;
      }
      filter();
      document.getElementById("turns").scrollIntoView();
      focusActive();
    });
  }
}

// On paper: the first of what is shown.
function print() {
  const still = document.querySelector("#turns-still table");
  const many = still.dataset.many ? +still.dataset.many : (still.dataset.many = still.tBodies[0].rows.length);
  const titles = COLUMNS.filter((column) => data.coded.change || !column.both);
  still.tHead.replaceChildren(h("tr", null, titles.map((column) => h("th", { scope: "col" }, column.title))));
  still.tBodies[0].replaceChildren(...[...order.subarray(0, many)].map((row) =>
    h("tr", null, titles.map((column) => h("td", null, column.id === "message" ? said(data.message[row].slice(0, 120)) : column.cell(row))))));
  const more = order.length - Math.min(many, order.length);
  still.caption.textContent = `The first turns of those chosen${more ? `; ${more.toLocaleString("en")} more are in the table on the screen` : ""}`;
}

async function start() {
  data = await unpack(texts.columns);
  const clearing = h("button", { type: "button" }, "Show all");
  clearing.addEventListener("click", () => {
    clear();
    filter();
  });
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  startGrid();
  tool.append(
    h("div", { class: "filters", role: "search" }, h("label", { class: "search" }, "Search", search),
      FILTERS.map(select), clearing, told), grid);
  document.documentElement.classList.add("ready");
  filter();
  startButtons();
  addEventListener("beforeprint", print);
  document.documentElement.dataset.ready = performance.now().toFixed(0);
}

start().catch((error) => {
  console.error(error);
  document.documentElement.classList.remove("ready");
  tool.replaceChildren(h("p", { role: "alert" },
    "This browser cannot unpack the table of all turns; the first ones are below. A newer browser shows them all."));
});
