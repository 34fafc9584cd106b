// What lights up together: of a line its values, their adjoints and its kernels; of a box its line
// and kernels.

const kernels = data.kernels.list;

function litBy(target) {
  const found = { values: new Set(), keys: new Set(), lines: new Set(), kernels: new Set() };
  if (target === null) return found;
  const chosen = target.line !== undefined ? valuesOnLine(target.line) : valuesOf(target.item);
  for (const value of chosen) {
    found.values.add(value);
    const key = target.line !== undefined ? holder(value) : forwardOf(target.item);
    found.keys.add(key);
    if (isReached(value)) found.keys.add(gradientOf(key));
    const place = values[value].place;
    if (place !== null && target.item) for (let n = place[0]; n <= place[2]; n++) found.lines.add(n);
  }
  if (target.line !== undefined) found.lines.add(target.line);
  kernels.forEach((kernel, k) => {
    const touches =
      target.line !== undefined
        ? kernel.places.some((place) => onLine(place, target.line))
        : kernel.places.some((place) => chosen.some((v) => samePlace(place, values[v].place)));
    if (touches) found.kernels.add(k);
  });
  return found;
}

const samePlace = (a, b) => b !== null && a.every((number, k) => number === b[k]);

let lit = litBy(null);
on("light", () => {
  lit = litBy(focus());
  emit("lit");
});
const pointAt = (target) => set({ hover: target }, "light");
// Pin what was clicked, and bring what belongs to a line into sight; once more lets it go.
function choose(target) {
  const same = JSON.stringify(target) === JSON.stringify(state.chosen);
  set({ chosen: same ? null : target }, "light");
  emit("chosen");
  const [first] = lit.keys;
  if (!same && target.line !== undefined && first !== undefined) reveal(first);
}
