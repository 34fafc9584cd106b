// The keyboard: everything that a pointer can do.

const KEYS = [
  ["space", "play or pause", () => play()],
  ["← →", "one back, one on; in the graph: value, gradient", null],
  ["Home End", "to the beginning, to the end", null],
  ["↑ ↓", "in the graph or the source: the one before, the one after", null],
  ["Enter", "keep what is pointed at; unfold or fold a layer", null],
  ["/", "search", () => field.focus()],
  ["1 – 5", "the tabs on the right", null],
  ["g", "to the graph", () => focusGraph()],
  ["s", "to the source", () => lines.get(1).focus()],
  ["[ ]", "fold all layers, unfold them", null],
  ["f", "show all of the graph", () => fitView()],
  ["+ -", "closer, farther", null],
  ["w", "the panel wider or narrower", () => widen()],
  ["t", "light or dark", () => changeTheme()],
  ["Esc", "let go of what was kept", () => set({ chosen: null, hover: null }, "light")],
  ["?", "these keys", () => byId("keys").showModal()],
];
const acts = new Map(
  KEYS.filter(([, , act]) => act).map(([key, , act]) => [{ space: " ", Esc: "Escape" }[key] ?? key, act]),
);
for (const [key, act] of Object.entries({
  ArrowLeft: () => moveTo(state.position - 1),
  ArrowRight: () => moveTo(state.position + 1),
  Home: () => moveTo(0),
  End: () => moveTo(endOfPlay),
  "[": () => foldAll(),
  "]": () => unfoldAll(),
  "+": () => zoom(1.25),
  "=": () => zoom(1.25),
  "-": () => zoom(0.8),
}))
  acts.set(key, act);
TABS.forEach(([name], k) => acts.set(String(k + 1), () => set({ tab: name }, "tab")));

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input[type=search]") || event.ctrlKey || event.metaKey || event.altKey;
  const own = event.target === slider && /Arrow|Home|End/.test(event.key);
  const pressed = event.target.matches("button") && (event.key === " " || event.key === "Enter");
  if (typing || own || pressed || byId("keys").open) return;
  if (event.target.closest("#graph") && walkGraph(event)) return event.preventDefault();
  const act = acts.get(event.key);
  if (act) {
    event.preventDefault();
    act();
  }
});

// From box to box: up and down in the order of computing, left and right between value and adjoint.
function walkGraph(event) {
  const here = state.chosen?.item && boxes.has(state.chosen.item) ? state.chosen.item : null;
  const all = [...picture.boxes.keys()].sort((a, b) => faceOf(a) - faceOf(b));
  const at = here === null ? -1 : all.indexOf(forwardOf(here));
  const side = (key) =>
    here !== null && isGradient(here) && boxes.has(gradientOf(key)) ? gradientOf(key) : key;
  const next = {
    ArrowDown: () => side(all[Math.min(all.length - 1, at + 1)]),
    ArrowUp: () => side(all[Math.max(0, at - 1)]),
    ArrowRight: () => here && (boxes.has(gradientOf(forwardOf(here))) ? gradientOf(forwardOf(here)) : here),
    ArrowLeft: () => here && forwardOf(here),
  }[event.key];
  if (event.key === "Enter" && here && isBlock(here)) unfold(numberOf(here));
  else if (event.key === "Enter" && here)
    choose({ item: here }); // lets it go
  else if (next === undefined) return false;
  else focusBox(next() ?? all[0]);
  return true;
}

function focusBox(key) {
  set({ chosen: { item: key } }, "light");
  emit("chosen");
  boxes.get(key)?.focus({ preventScroll: true });
  reveal(key);
}

const focusGraph = () =>
  focusBox(state.chosen?.item ?? [...picture.boxes.keys()].sort((a, b) => faceOf(a) - faceOf(b))[0]);

show(
  byId("keys"),
  el("h2", {}, "Keys"),
  el(
    "dl",
    {},
    KEYS.map(([key, said]) => row(key, said)),
  ),
  el("form", { method: "dialog" }, el("button", {}, "Close")),
);
