// What each line costs: operations forward and backward, bytes moved and kept.

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const COSTS = {
  forward: "operations forward",
  backward: "operations backward",
  moved: "bytes moved",
  kept: "bytes kept",
};

function costTab() {
  const { lines: found, at } = data.cost;
  const most = Object.fromEntries(
    Object.keys(COSTS).map((kind) => [kind, Math.max(1, ...found.map((line) => line[kind].number))]),
  );
  const cell = (line, kind) =>
    el(
      "td",
      { title: `${line[kind].formula} = ${line[kind].number.toLocaleString("en")}` },
      compact.format(line[kind].number),
      el("div", { class: "bar" }, bar(line[kind].number / most[kind])),
    );
  const rows = found.map((line) =>
    el(
      "tr",
      {
        onpointerenter: () => pointAt({ line: line.line }),
        onpointerleave: () => pointAt(null),
      },
      el("th", { scope: "row" }, lineLink(line.line, String(line.line))),
      Object.keys(COSTS).map((kind) => cell(line, kind)),
    ),
  );
  return [
    el("h2", {}, "Cost of each line"),
    el(
      "p",
      { class: "quiet" },
      `${at}, float32; each number is a formula too: point at it. Kept is what the backward pass reads of the forward pass.`,
    ),
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", {}, "line"),
          Object.values(COSTS).map((title) => el("th", {}, title)),
        ),
      ),
      el("tbody", {}, rows),
    ),
  ];
}

function bar(share) {
  const inner = el("div", {});
  inner.style.width = `${(100 * share).toFixed(1)}%`;
  return inner;
}
