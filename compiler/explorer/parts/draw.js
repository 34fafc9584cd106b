// The picture: frames of unfolded layers, arrows, and a box for every value and every adjoint.

const stage = byId("graph");
const world = svg("g", { id: "world" });
const [framesLayer, arrowsLayer, readsLayer, boxesLayer] = ["frames", "arrows", "reads", "boxes"].map((id) =>
  svg("g", { id }),
);
const boxes = new Map(); // by item: <g>
const arrows = new Map(); // by `from to`: <path>
let picture = null; // the layout that is drawn

function arrowHead(id) {
  const shape = svg("path", { d: "M0 0L7 3.5L0 7z" });
  return svg(
    "marker",
    {
      id,
      viewBox: "0 0 7 7",
      refX: 6.5,
      refY: 3.5,
      markerWidth: 8,
      markerHeight: 8,
      markerUnits: "userSpaceOnUse",
      orient: "auto-start-reverse",
    },
    shape,
  );
}
stage.append(svg("defs", {}, arrowHead("head"), arrowHead("head-back"), arrowHead("head-lit")), world);
world.append(framesLayer, arrowsLayer, readsLayer, boxesLayer);

function draw() {
  picture = layoutOf(shapeNow());
  boxes.clear();
  arrows.clear();
  for (const forget of [markLit, markLitArrows, markKnown, markNow, markMatch]) forget.forget();
  const anyBack = [...picture.boxes.keys()].some(hasBack);
  show(
    framesLayer,
    heading("forward ↓", [picture.width / 2, -16]),
    anyBack && heading(`gradient ${picture.arrow}`, picture.headAt),
    [...picture.frames].map(([block, at]) => frame(block, at)),
  );
  show(arrowsLayer, picture.arrows.map(arrowPair));
  show(
    boxesLayer,
    [...picture.boxes].map(([key, at]) => [box(key, [at.x, at.y], at), backBox(key, at)]),
  );
  show(readsLayer);
  emit("drawn");
}

const heading = (text, [x, y]) => svg("text", { class: "heading", x, y, "text-anchor": "middle" }, text);

function frame(block, { x, y, width, height }) {
  const back = within[block].some(isReached);
  const one = (corner, name, type) =>
    svg(
      "g",
      { class: type, transform: `translate(${corner.join(" ")})` },
      svg("rect", { width, height, rx: 8 }),
      svg("text", { x: 9, y: type !== "frame" && picture.stacked ? height - 7 : 16, onclick: () => fold(block) }, `− ${cut(name, Math.floor(width / 8))}`),
    );
  const title = blocks[block].title;
  const corners = [picture.toBack([x, y]), picture.toBack([x, y + height])];
  return [
    one([x, y], title, "frame"),
    back && one([corners[0][0], Math.min(corners[0][1], corners[1][1])], title, "frame back"),
  ];
}

const hasBack = (key) => valuesOf(key).some(isReached);
function backBox(key, at) {
  return hasBack(key) && box(gradientOf(key), picture.toBack([at.x, at.y]), at);
}

function box(key, [x, y], { width, height }) {
  const [name, below] = textsOf(key);
  const kind = isBlock(key) ? "block" : values[numberOf(key)].kind;
  const group = svg("g", {
    class: `box ${kind}${isGradient(key) ? " back" : ""}`,
    id: `item-${key}`,
    tabindex: -1,
    role: "button",
    "aria-label": `${name}: ${below}`,
    transform: `translate(${x - width / 2} ${y - height / 2})`,
    onpointerenter: () => pointAt({ item: key }),
    onpointerleave: () => pointAt(null),
    onclick: () => choose({ item: key }),
    ondblclick: () => isBlock(key) && unfold(numberOf(key)),
  });
  const rounded = { input: height / 2, drawn: height / 2, block: 6 }[kind] ?? 4;
  if (isBlock(key)) group.append(svg("rect", { class: "behind", x: 4, y: 4, width, height, rx: rounded }));
  group.append(svg("rect", { class: "face", width, height, rx: rounded }));
  if (kind === "parameter" || kind === "loss")
    group.append(svg("rect", { class: "inner", x: 3, y: 3, width: width - 6, height: height - 6, rx: 3 }));
  const line = (k, text, type) =>
    svg("text", { class: type, x: width / 2, y: LINE * k + 1, "text-anchor": "middle" }, text);
  group.append(
    line(1, (kind === "parameter" ? cutPath : cut)(name, WIDEST), "name"),
    line(2, cut(below, WIDEST), "formula"),
    line(3, "", "number"),
  );
  if (isBlock(key)) {
    group.append(
      svg(
        "text",
        {
          class: "more",
          x: width - 14,
          y: 16,
          onclick: (event) => {
            event.stopPropagation();
            unfold(numberOf(key));
          },
        },
        "+",
      ),
    );
  }
  boxes.set(key, group);
  return group;
}

function arrowPair({ from, to, points, carried, flows }) {
  const type = carried ? "arrow carried" : "arrow";
  const one = (key, course, kind, heads) => {
    const path = svg("path", { class: kind, d: pathOf(course), ...heads });
    arrows.set(key, path);
    return path;
  };
  const forward = one(`${from} ${to}`, points, type, { "marker-end": "url(#head)" });
  if (!flows || !hasBack(from) || !hasBack(to)) return [forward];
  return [
    forward,
    one(`${gradientOf(to)} ${gradientOf(from)}`, points.map(picture.toBack), `${type} back`, {
      "marker-start": "url(#head-back)",
    }),
  ];
}

const markLit = marker("lit"),
  markLitArrows = marker("lit");
function lightUp() {
  markLit(boxes, new Set([...lit.keys].filter((key) => boxes.has(key))));
  const ends = focus()?.item ? lit.keys : new Set();
  markLitArrows(
    arrows,
    new Set([...arrows.keys()].filter((key) => key.split(" ").some((end) => ends.has(end)))),
  );
  showReads(readsOf(focus()));
}

// The forward values that the rules behind an adjoint read: [adjoint, value] pairs.
function readsOf(target) {
  if (!target?.item || !isGradient(target.item)) return [];
  return valuesOf(target.item).flatMap((v) =>
    sentBy[v].flatMap(([k, j]) => steps[k].terms[j].reads.map((read) => [target.item, holder(read)])),
  );
}

function showReads(pairs) {
  const known = new Map(
    pairs
      .filter(([to, from]) => boxes.has(to) && picture.boxes.has(from))
      .map((pair) => [pair.join(" "), pair]),
  );
  show(
    readsLayer,
    [...known.values()].map(([to, from]) => {
      const a = picture.boxes.get(from),
        b = picture.boxes.get(forwardOf(to));
      const [x, y] = picture.toBack([b.x, b.y]),
        side = picture.stacked ? 1 : -1;
      const start = [a.x + a.width / 2, a.y],
        end = [x + (side * b.width) / 2, y],
        bend = Math.max(30, (end[0] - start[0]) / 2);
      return svg("path", {
        class: "read",
        d: pathOf([start, [start[0] + bend, a.y], [end[0] + side * bend, y], end]),
        "marker-end": "url(#head-lit)",
      });
    }),
  );
}

function unfold(block) {
  const { open, said } = unfoldBlock(block);
  inPlace(block, () => set({ open }, "folded"));
  byId("status").textContent = said;
}

function fold(block) {
  inPlace(block, () => set({ open: foldBlock(block) }, "folded"));
}

// Do something, and let the head of a block stay where it is seen.
function inPlace(block, act) {
  const head = () => {
    const frame = picture.frames.get(block),
      folded = picture.boxes.get(`b${block}`);
    return frame ? [frame.x + frame.width / 2, frame.y] : folded && [folded.x, folded.y - folded.height / 2];
  };
  const before = head();
  act();
  const after = head();
  if (before && after) moveView((before[0] - after[0]) * view.scale, (before[1] - after[1]) * view.scale);
}

on("folded", () => {
  draw();
  emit("light");
  emit("moved");
});
on("lit", lightUp);
const markMatch = marker("match");
on("found", () => markMatch(boxes, state.matches ?? new Set()));
