// The spec as its author wrote it; a line can be pointed at, chosen, and walked to.

const WORDS = new Set(data.words);
const TOKEN = /(#.*$)|("(?:[^"\\]|\\.)*")|([A-Za-z_][\w']*)|(\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)/gu;
const lines = new Map(); // by number: the element
const codes = new Map(); // and its text

function coloured(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(TOKEN)) {
    const kind = found[1]
      ? "comment"
      : found[2]
        ? "string"
        : found[4]
          ? "digits"
          : WORDS.has(found[3])
            ? "word"
            : null;
    if (kind === null) continue;
    parts.push(text.slice(at, found.index), el("span", { class: kind }, found[0]));
    at = found.index + found[0].length;
  }
  return [...parts, text.slice(at)];
}

function sourceLine(text, k) {
  const number = k + 1;
  const code = el("code", {}, coloured(text));
  const line = el(
    "div",
    {
      class: "line",
      id: `line-${number}`,
      tabindex: k === 0 ? 0 : -1,
      "data-line": number,
      onpointerenter: () => pointAt({ line: number }),
      onpointerleave: () => pointAt(null),
      onclick: () => choose({ line: number }),
      onfocus: () => pointAt({ line: number }),
      onblur: () => pointAt(null),
      onkeydown: (event) => walk(event, number),
    },
    el("span", { class: "number" }, String(number)),
    el("span", { class: "mark", "aria-hidden": "true" }),
    code,
  );
  lines.set(number, line);
  codes.set(number, text);
  return line;
}

function walk(event, number) {
  const next = { ArrowUp: number - 1, ArrowDown: number + 1 }[event.key];
  if (event.key === "Enter") choose({ line: number });
  else if (next !== undefined) lines.get(next)?.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

byId("source").append(...data.source.map(sourceLine));

const markLines = marker("lit"),
  markNowLines = marker("now");
on("lit", () => {
  markLines(lines, lit.lines);
  underline(focus()?.item ? [...lit.values].map((v) => values[v].place) : []);
  const first = Math.min(...lit.lines);
  if (focus()?.item && lines.has(first)) lines.get(first).scrollIntoView({ block: "nearest" });
});

// The very expression that a box stands for, underlined in its line.
let underlined = [];
function underline(places) {
  underlined.forEach((number) => show(lines.get(number).lastChild, coloured(codes.get(number))));
  const one = places.filter((place) => place !== null && place[0] === place[2]);
  const byLine = new Map(one.map((place) => [place[0], place]));
  underlined = one.length === places.length && byLine.size === 1 ? [...byLine.keys()] : [];
  for (const number of underlined) {
    const here = one.filter((place) => place[0] === number);
    const [start, end] = [Math.min(...here.map((p) => p[1])) - 1, Math.max(...here.map((p) => p[3])) - 1];
    const letters = [...codes.get(number)],
      text = (a, b) => letters.slice(a, b).join("");
    show(
      lines.get(number).lastChild,
      coloured(text(0, start)),
      el("u", {}, coloured(text(start, end))),
      coloured(text(end)),
    );
  }
}
