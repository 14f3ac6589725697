// The evidence of one turn, in a dialog at the side.

const dialog = document.body.appendChild(h("dialog", { class: "evidence", "aria-labelledby": "evidence-title" }));

const score = (given) => (given === null || given === undefined ? "–" : given.toFixed(3));

function scores(caption, heads, rows, threshold, marked = () => false) {
  if (!rows?.length) return null;
  const known = threshold !== null && threshold !== undefined;
  const lines = rows.map(([name, given]) =>
    h("tr", marked(name) ? { class: "chosen" } : null,
      h("th", { scope: "row" }, name, marked(name) ? " ●" : null),
      h("td", { class: "number" }, score(given)),
      known ? h("td", null, given >= threshold ? "✓ at or above" : "below") : null));
  const against = known ? `threshold ${score(threshold)}` : "no threshold";
  const titles = heads.map((head, place) => h("th", { scope: "col", class: place ? "number" : null }, head));
  return h("table", null, h("caption", null, `${caption}, ${against}`),
    h("thead", null, h("tr", null, titles, known ? h("td") : null)), h("tbody", null, lines));
}

function facts(pairs) {
  const known = pairs.filter(([, given]) => given !== null && given !== undefined && given !== "");
  return h("dl", null, known.flatMap(([name, given]) => [h("dt", null, name), h("dd", null, given)]));
}

function answer(side, title) {
  const { kind, template, intent, confidence, verdict, evidence } = side;
  const at = evidence.thresholds ?? {};
  const cited = new Set(evidence.cited);
  const named = (list) => list?.map((each) => [each.name, each.score]);
  const passages = evidence.passages?.map((each) => [`${each.article}, passage ${each.passage}`, each.score]);
  const entities = Object.entries(evidence.entities ?? {}).map(([name, found]) => `${name}: ${found.text}`);
  return h("section", { "aria-label": title },
    h("h3", null, title),
    facts([
      ["decision", [kind, template].filter(Boolean).join(" ")],
      ["rule", `${evidence.rule}: ${data.rules[evidence.rule] ?? ""}`],
      ["reason", evidence.reason],
      ["asks for", evidence.slot],
      ["choices", evidence.choices?.join(", ")],
      ["judged", verdict && verdicts[verdict]],
      ["read as", intent && `${intent}, ${sure(confidence)}`],
      ["entities", entities.join("; ")],
      ["time", evidence.ms === undefined ? null : `${evidence.ms} ms`],
    ]),
    h("h4", null, "The bot’s reply"), h("blockquote", null, said(evidence.reply)),
    scores("Intents", ["intent", "confidence"], named(evidence.intents), at.intent, (name) => name === intent),
    scores("Templates", ["template", "score"], named(evidence.templates), at.template, (name) => name === template),
    scores("Passages (● cited)", ["passage", "score"], passages, at.passage,
      (name) => cited.has(name.slice(name.lastIndexOf(" ") + 1))));
}

async function drawEvidence(row, position, total) {
  const evidence = await evidenceOf(row);
  const after = { kind: value("kind", row), template: value("template", row), intent: value("intent", row),
    confidence: data.confidence[row], verdict: value("verdict", row), evidence };
  const { before } = evidence;
  const sides = [answer(after, before ? "After" : "The decision")];
  if (before) sides.unshift(answer({ ...before, evidence: before }, "Before"));
  const step = (by, title) => {
    const button = h("button", { type: "button" }, title);
    button.addEventListener("click", () => stepTo(by));
    return button;
  };
  const close = h("button", { type: "button", class: "close" }, "Close");
  close.addEventListener("click", () => dialog.close());
  const rank = evidence.rank ? `${evidence.rank} of ${evidence.candidates}` : null;
  dialog.replaceChildren(
    h("div", { class: "bar" }, step(-1, "← Previous"), step(1, "Next →"),
      h("span", { role: "status" }, `${(position + 1).toLocaleString("en")} of ${total.toLocaleString("en")}`), close),
    h("p", { class: "place" }, `chat ${value("conversation", row)}, turn ${data.turn[row]}`),
    h("h2", { id: "evidence-title" }, said(evidence.message ?? data.message[row])),
    facts([["labelled", value("gold", row)], ["change", data.changes[value("change", row)]],
      ["in training data", value("seen", row)]]),
    h("div", { class: "sides" }, sides),
    evidence.agent_reply ? h("h4", null, "The agent’s reply") : null,
    evidence.agent_reply ? h("blockquote", null, said(evidence.agent_reply)) : null,
    facts([["agent", value("act", row)], ["template", evidence.agent_template], ["rank of it", rank],
      ["similarity", evidence.similarity === null ? null : score(evidence.similarity)]]));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

dialog.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) stepTo(by);
});
dialog.addEventListener("close", () => focusActive());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // outside of it
});
