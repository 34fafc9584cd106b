// What is shown now, and who hears of a change.  Nothing else on the page keeps state of its own.
//
// An item is what is drawn as one box: `v3` a value, `g3` its adjoint, `b2` a folded block, `h2` its
// gradient.  `touched` counts elements that were made or changed, so that work can be measured.

const data = JSON.parse(document.getElementById("data").textContent);
const { values, steps, blocks } = data;
const drawn = values.map((value) => value.kind !== "counter");
const order = values.map((_, k) => k).filter((k) => drawn[k]); // in which values are computed

const state = {
  position: 0, // 0: nothing is computed; then each value, then each step
  open: new Set([0]), // blocks that are unfolded; the outermost always is
  hover: null, // {line}, {item} or null
  chosen: null, // the same, pinned by a click
  tab: "value",
  matches: null, // items that a search found
};
const touched = { made: 0, changed: 0, layouts: 0 };
const listeners = new Map();

function on(event, listener) {
  if (!listeners.has(event)) listeners.set(event, []);
  listeners.get(event).push(listener);
}

function emit(event) {
  for (const listener of listeners.get(event) ?? []) listener();
}

function set(changes, event) {
  Object.assign(state, changes);
  emit(event);
}

const focus = () => state.hover ?? state.chosen;
const blockOf = values.map(() => 0);
blocks.forEach((block, number) => block.values.forEach((value) => (blockOf[value] = number)));

// The blocks around a block, from the outermost, and itself.
function chain(block) {
  const above = blocks[block].above;
  return above === null ? [block] : [...chain(above), block];
}

// All values within a block.
const within = blocks.map((block) => [...block.values]);
for (let k = blocks.length - 1; k > 0; k--) within[blocks[k].above].push(...within[k]);
within.forEach((inside) => inside.sort((a, b) => a - b));

const readers = values.map(() => []);
values.forEach((value, k) => value.reads.forEach((read) => readers[read].push(k)));
const stepOf = values.map(() => null); // the step whose rule is that of a value
steps.forEach((step, k) => (stepOf[step.value] = k));
const sentBy = values.map(() => []); // for an adjoint, the steps and terms that add up to it
steps.forEach((step, k) => step.terms.forEach((term, j) => sentBy[term.to].push([k, j])));

const isReached = (value) => value === data.loss || sentBy[value].length > 0;
// What a block gives: its last value that others read, or else its last.
function resultOf(block) {
  const inside = new Set(within[block]);
  const read = within[block].filter((v) => readers[v].some((r) => !inside.has(r)));
  return read.length ? read[read.length - 1] : within[block][within[block].length - 1];
}

const onLine = (place, line) => place !== null && place[0] <= line && line <= place[2];
const valuesOnLine = (line) => order.filter((v) => onLine(values[v].place, line));
