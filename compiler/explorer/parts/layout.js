// Where boxes stand: Graphviz's `dot` lays out the forward graph; the gradient has the same places
// beside it, so that every adjoint stands level with its value and arrows lead back where they came
// from.  No name goes into the text that `dot` reads, only numbers.

const CHARACTER = 6.9,
  LINE = 17,
  PADDING = 9,
  GAP = 54;
const WIDEST = 24; // characters of a line in a box
let graphviz = null;
const laidOut = new Map();

function textsOf(key) {
  const value = values[faceOf(key)];
  if (isBlock(key)) {
    const block = blocks[numberOf(key)];
    if (isGradient(key)) return [`through ${block.title}`, `${value.adjoint} → ${sentOutOf(numberOf(key))}`];
    return [block.title, `${counted(valuesOf(key).length, "operator")} : ${value.type}`];
  }
  if (isGradient(key)) return [value.adjoint, termsOf(numberOf(key))];
  const layer = value.layer && value.formula ? `${value.layer}: ` : "";
  return [value.name, value.formula ? layer + value.short : `${value.kind} : ${value.type}`];
}

// What a block sends back: the adjoints of what it reads, else of its parameters.
function sentOutOf(block) {
  const inside = new Set(within[block]);
  const read = within[block].flatMap((v) => values[v].reads).filter((r) => !inside.has(r) && isReached(r));
  const own = within[block].filter((v) => values[v].kind === "parameter" && isReached(v));
  const [first, ...rest] = [...new Set(read.length ? read : own)];
  return first === undefined ? "nothing" : `${values[first].adjoint}${rest.length ? ", …" : ""}`;
}

// What an adjoint is added up from, in short.
function termsOf(value) {
  if (value === data.loss) return "the seed";
  return sentBy[value].map(([k, j]) => steps[k].terms[j].short).join(" + ");
}

function sizeOf(key) {
  const texts = [...textsOf(key), ...textsOf(gradientOf(key)), "000,000,000"];
  const longest = Math.max(...texts.map((text) => Math.min(text.length, WIDEST)));
  return [Math.round(longest * CHARACTER + 2 * PADDING), 3 * LINE + 10];
}

function dotText(shape) {
  const lines = [];
  const place = (key) => {
    const [width, height] = sizeOf(key);
    return `${key} [width=${width / 72},height=${height / 72}];`;
  };
  const inside = (block) => {
    const own = shape.keys.filter(
      (key) => (isBlock(key) ? blocks[numberOf(key)].above : blockOf[numberOf(key)]) === block,
    );
    const nested = shape.unfolded.filter((b) => blocks[b].above === block);
    return [
      ...own.map(place),
      ...nested.map((b) => `subgraph cluster_${b} {margin=12;label="M";${inside(b)}}`),
    ].join("\n");
  };
  lines.push(inside(0));
  for (const { from, to, carried } of shape.edges)
    lines.push(`${from} -> ${to}${carried ? " [constraint=false]" : ""};`);
  const splines = shape.keys.length > 90 ? "polyline" : "true";
  return `digraph {graph [rankdir=TB,nodesep=0.22,ranksep=0.3,splines=${splines},fontsize=13];
node [shape=box,fixedsize=true,label=""];edge [arrowhead=none];
${lines.join("\n")}}`;
}

// Places for the boxes of a shape: middles, sizes, frames of unfolded blocks, arrows as paths.
function layoutOf(shape) {
  const key = [...shape.keys, "|", ...shape.unfolded].join(" ");
  if (!laidOut.has(key)) {
    touched.layouts += 1;
    const found = graphviz.renderJSON(dotText(shape));
    if (laidOut.size > 20) laidOut.clear();
    laidOut.set(key, placed(found, shape));
  }
  const laid = laidOut.get(key);
  const stacked = isStacked(laid);
  return { ...laid, stacked, ...(stacked ? below(laid) : besides(laid)) };
}

// Whether forward graph and gradient, side by side, would be too wide to be read.
const isStacked = (laid) => stage.clientWidth > 0 && besides(laid).whole[0] * SMALLEST > stage.clientWidth;

function placed(found, shape) {
  const [, , width, height] = numbersIn(found.bb);
  const boxes = new Map(),
    frames = new Map();
  for (const object of found.objects ?? []) {
    if (object.name.startsWith("cluster_")) {
      const [x0, y0, x1, y1] = numbersIn(object.bb);
      frames.set(Number(object.name.slice(8)), { x: x0, y: height - y1, width: x1 - x0, height: y1 - y0 });
    } else {
      const [x, y] = numbersIn(object.pos);
      const [w, h] = sizeOf(object.name);
      boxes.set(object.name, { x, y: height - y, width: w, height: h });
    }
  }
  const names = (found.objects ?? []).map((object) => object.name);
  const routes = new Map(
    (found.edges ?? []).map((edge) => [`${names[edge.tail]} ${names[edge.head]}`, route(edge.pos, height)]),
  );
  const arrows = shape.edges.map((edge) => ({
    ...edge,
    points: routes.get(`${edge.from} ${edge.to}`) ?? [],
  }));
  return { width, height, boxes, frames, arrows };
}

// The gradient beside the forward graph, as near as its leftmost box lets it.
function besides({ boxes, frames, width, height }) {
  const back = [...boxes]
    .filter(([key]) => hasBack(key))
    .map(([, at]) => [at.x - at.width / 2, at.x + at.width / 2]);
  const framed = [...frames]
    .filter(([block]) => within[block].some(isReached))
    .map(([, at]) => [at.x, at.x + at.width]);
  const left = Math.min(width, ...back.concat(framed).map(([x]) => x)),
    right = Math.max(0, ...back.concat(framed).map(([, x]) => x));
  const shift = width + GAP - left;
  const whole = back.length ? [shift + right, height] : [width, height];
  return { whole, arrow: "↑", headAt: [shift + (left + right) / 2, -16], toBack: ([x, y]) => [x + shift, y] };
}

// Where that is too wide it stands below, turned over: where the loss ends, the gradient goes on.
function below({ boxes, width, height }) {
  const foot = 2 * height + 40;
  const whole = [...boxes.keys()].some(hasBack) ? [width, foot] : [width, height];
  return { whole, arrow: "↓", headAt: [width / 2, height + 26], toBack: ([x, y]) => [x, foot - y] };
}

const numbersIn = (text) => text.split(",").map(Number);

// The points of a curve of Bézier segments; `e,` and `s,` are ends of arrows, which are drawn here.
function route(text, height) {
  const points = text
    .split(" ")
    .filter((part) => !/^[es],/.test(part))
    .map(numbersIn);
  return points.map(([x, y]) => [x, height - y]);
}

function pathOf(points) {
  if (points.length < 4) return "";
  const at = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return `M${at(points[0])}C${points.slice(1).map(at).join(" ")}`;
}
