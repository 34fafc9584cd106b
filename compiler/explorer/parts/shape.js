// Which boxes there are for the blocks that are unfolded, and which arrows between them.

const MOST_DRAWN = 150; // boxes of the forward graph

// The box that stands for a value: itself, or the outermost folded block around it.
function holder(value) {
  const folded = chain(blockOf[value]).find((block) => !state.open.has(block));
  return folded === undefined ? `v${value}` : `b${folded}`;
}

const gradientOf = (key) => (key[0] === "v" ? "g" : "h") + key.slice(1);
const forwardOf = (key) => (key[0] === "g" ? "v" : key[0] === "h" ? "b" : key[0]) + key.slice(1);
const numberOf = (key) => Number(key.slice(1));
const isGradient = (key) => key[0] === "g" || key[0] === "h";
const isBlock = (key) => key[0] === "b" || key[0] === "h";
const valuesOf = (key) => (isBlock(key) ? within[numberOf(key)].filter((v) => drawn[v]) : [numberOf(key)]);
const faceOf = (key) => (isBlock(key) ? resultOf(numberOf(key)) : numberOf(key)); // the value it shows

function shapeNow() {
  const held = values.map((_, v) => holder(v));
  const keys = new Set(order.map((v) => held[v]));
  const edges = new Map();
  const link = (from, to, carried) => {
    const [a, b] = [held[from], held[to]];
    if (a === b || !drawn[from] || !drawn[to]) return;
    const key = `${a} ${b}`;
    const flows = sentBy[from].some(([k]) => steps[k].value === to) || (carried && isReached(to));
    const known = edges.get(key);
    edges.set(key, { from: a, to: b, carried, flows: flows || (known?.flows ?? false) });
  };
  for (const v of order) {
    values[v].reads.forEach((read) => link(read, v, false));
    if (values[v].carried !== null) link(values[v].carried, v, true);
  }
  const unfolded = [...state.open].filter((b) => b > 0 && chain(b).every((a) => state.open.has(a)));
  return { keys: [...keys], edges: [...edges.values()], unfolded: unfolded.sort((a, b) => a - b) };
}

const countWith = (open) => {
  const before = state.open;
  state.open = open;
  const count = new Set(order.map(holder)).size;
  state.open = before;
  return count;
};

// Blocks of one level and name, together: from the outside to the inside.
function alikeBlocks() {
  const groups = new Map();
  blocks.forEach((block, b) => {
    const key = `${chain(b).length} ${block.title.replace(/\d+$/, "")}`;
    groups.set(key, [...(groups.get(key) ?? []), b]);
  });
  return [...groups.values()].sort((a, b) => chain(a[0]).length - chain(b[0]).length);
}

// Unfold blocks from the outside, alike ones together, as long as no more than `most` boxes are drawn.
function openedUpTo(most, from = new Set([0])) {
  let open = new Set(from);
  let full = false;
  for (const alike of alikeBlocks()) {
    const next = alike.filter(
      (block) =>
        !open.has(block) &&
        chain(block)
          .slice(0, -1)
          .every((b) => open.has(b)),
    );
    const wider = new Set([...open, ...next]);
    if (countWith(wider) <= most) open = wider;
    else full = true;
  }
  return { open, full };
}

// Unfold one block, and fold others again where there would be too many boxes: those that were
// unfolded first.
function unfoldBlock(block) {
  const kept = new Set(chain(block));
  let open = new Set([...state.open, block]);
  const folded = [];
  for (const other of [...state.open]) {
    if (countWith(open) <= MOST_DRAWN) break;
    if (!kept.has(other)) {
      open = new Set([...open].filter((b) => !chain(b).includes(other)));
      folded.push(other);
    }
  }
  const said = folded.length
    ? `${counted(folded.length, "other layer")} folded, to keep the graph legible`
    : "";
  return { open, said };
}

function foldBlock(block) {
  return new Set([...state.open].filter((b) => !chain(b).includes(block)));
}
