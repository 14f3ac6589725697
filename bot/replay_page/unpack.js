// The turns, as packing.py packed them.

const texts = { columns: document.getElementById("columns"), blocks: document.querySelectorAll("script.block") };
const blocks = new Map();

async function unpack(element) {
  const packed = atob(element.textContent);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at++) bytes[at] = packed.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

async function evidenceOf(row) {
  const number = Math.floor(row / data.block);
  if (!blocks.has(number)) blocks.set(number, unpack(texts.blocks[number]));
  return (await blocks.get(number))[row % data.block];
}

const value = (name, row) => {
  const column = data.coded[name];
  return column ? column.names[column.codes[row]] : "";
};

// Control characters, halves of pairs and signs that turn the direction could hide what a text says.
const visible = (text) =>
  String(text).replace(/[\p{Cs}\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd");

// An element. All that is shown gets in as text, never as markup.
function h(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, given] of Object.entries(attributes ?? {}))
    if (given !== null && given !== undefined) made.setAttribute(key, given);
  for (const child of children.flat())
    if (child !== null && child !== undefined) made.append(child instanceof Node ? child : visible(child));
  return made;
}

const tool = document.getElementById("turns-tool");
const said = (text) => h("bdi", { lang: tool.dataset.language, class: "said" }, text || "(empty)");
const sure = (confidence) =>
  confidence === null ? "–" : confidence > 0.99 ? "over 99\u202f%" : `${Math.round(100 * confidence)}\u202f%`;
const verdicts = { right: "✓ right", wrong: "✗ wrong", "": "–" };
const decided = (kind, template) => [h("span", { class: "kind" }, kind), template ? h("span", { class: "of" }, template) : null];
