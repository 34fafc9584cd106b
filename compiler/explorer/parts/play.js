// The slider: first every value of the forward pass, then every step of reverse accumulation.  At a
// position, what comes later is not known yet.

const forwardCount = order.length,
  endOfPlay = forwardCount + steps.length + 1; // then all is known
const rank = new Map(order.map((value, k) => [value, k + 1])); // position at which a value is known
const numbers = data.numbers;
let timer = null;

const slider = byId("slider");
slider.max = endOfPlay;
byId("forward-half").style.flexGrow = forwardCount;
byId("backward-half").style.flexGrow = Math.max(steps.length, 1);

const knownValue = (v) => (rank.get(v) <= state.position ? numbers.values[v].short : null);

// What an adjoint has been sent by now.
function knownAdjoint(v) {
  const done = state.position - forwardCount;
  if (v === data.loss) return done >= 0 ? "1" : null;
  const sent = sentBy[v].filter(([k]) => k < done);
  if (!sent.length) return null;
  const [k, j] = sent[sent.length - 1];
  return numbers.steps[k][j].total;
}

const isComplete = (v) => sentBy[v].every(([k]) => k < state.position - forwardCount);

function numberText(key) {
  const face = faceOf(key);
  if (!isGradient(key)) return knownValue(face);
  const text = knownAdjoint(face);
  return text === null || isComplete(face) ? text : `${text} so far`;
}

// The boxes that are at work at a position.
function workingNow() {
  if (state.position === 0 || state.position === endOfPlay) return [];
  if (state.position <= forwardCount) return [holder(order[state.position - 1])];
  const step = steps[state.position - forwardCount - 1];
  return [
    ...new Set([gradientOf(holder(step.value)), ...step.terms.map((term) => gradientOf(holder(term.to)))]),
  ];
}

const markKnown = marker("known"),
  markNow = marker("now");
function showPosition() {
  slider.value = state.position;
  const known = new Set();
  for (const [key, box] of boxes) {
    const text = numberText(key),
      field = box.querySelector(".number");
    if (text !== null) known.add(key);
    if (field.textContent !== (text ?? "·")) {
      field.textContent = cut(text ?? "·", WIDEST);
      touched.changed += 1;
      box.setAttribute("aria-label", `${textsOf(key).join(": ")} = ${text ?? "not known yet"}`);
    }
  }
  markKnown(boxes, known);
  const working = workingNow();
  markNow(boxes, new Set(working));
  const place = working.length ? values[nowValue()].place : null;
  markNowLines(lines, new Set(place ? [place[0]] : []));
  show(byId("caption"), captionNow());
  slider.setAttribute("aria-valuetext", byId("caption").textContent);
  showReads(state.hover || state.chosen ? readsOf(focus()) : readsNow());
}

const nowValue = () =>
  state.position <= forwardCount ? order[state.position - 1] : steps[state.position - forwardCount - 1].value;

function readsNow() {
  if (state.position <= forwardCount || state.position === endOfPlay) return [];
  const step = steps[state.position - forwardCount - 1];
  return step.terms.flatMap((term) => term.reads.map((read) => [gradientOf(holder(term.to)), holder(read)]));
}

function captionNow() {
  if (state.position === 0) return [el("b", {}, "Ready. "), numbers.said];
  if (state.position === endOfPlay) return doneCaption();
  if (state.position <= forwardCount) return forwardCaption(order[state.position - 1]);
  return stepCaption(state.position - forwardCount - 1);
}

function doneCaption() {
  const shown = data.wrt
    .slice(0, 4)
    .map((v) => [el("code", {}, `${values[v].adjoint} = ${numbers.adjoints[v]?.short ?? "0"}`), " "]);
  const rest = data.wrt.length - 4;
  return [
    el("b", {}, `The gradient of ${data.of}  `),
    shown,
    rest > 0 ? `and ${rest} more  ` : null,
    el("span", { class: "quiet" }, numbers.said),
  ];
}

function forwardCaption(v) {
  const value = values[v];
  const made = value.equation || `${value.name} : ${value.type}, ${value.kind}`;
  return [
    el("b", {}, `forward ${state.position} of ${forwardCount}  `),
    el("code", {}, `${made} = ${numbers.values[v].text}`),
  ];
}

function stepCaption(k) {
  const step = steps[k],
    value = values[step.value];
  const sent = step.terms.map((term, j) => el("code", {}, `${term.equation} = ${numbers.steps[k][j].text}`));
  return [
    el("b", {}, `step ${k + 1} of ${steps.length}  `),
    el("code", {}, `${value.adjoint} comes to ${step.computed}`),
    " ",
    sent.flatMap((one) => [one, " "]),
    el("span", { class: "rule" }, step.rule),
  ];
}

function moveTo(position) {
  set({ position: Math.max(0, Math.min(endOfPlay, position)) }, "moved");
  const working = workingNow();
  if (working.length) reveal(working[working.length - 1]);
}

function play(wanted = timer === null) {
  clearInterval(timer);
  timer = wanted
    ? setInterval(() => (state.position < endOfPlay ? moveTo(state.position + 1) : play(false)), 700)
    : null;
  if (wanted) moveTo(state.position < endOfPlay ? state.position + 1 : 0);
  byId("run").textContent = wanted ? "Pause" : "Play";
}

on("moved", showPosition);
slider.addEventListener("input", () => moveTo(Number(slider.value)));
for (const [id, act] of Object.entries({
  first: () => moveTo(0),
  back: () => moveTo(state.position - 1),
  run: () => play(),
  next: () => moveTo(state.position + 1),
  last: () => moveTo(endOfPlay),
})) {
  byId(id).addEventListener("click", () => {
    if (id !== "run") play(false);
    act();
  });
}
