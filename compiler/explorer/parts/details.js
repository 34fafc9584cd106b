// Everything about what is chosen: a value with its adjoint, a layer, or a line.

const code = (text) => el("code", {}, text);
const row = (name, ...said) => el("div", { class: "row" }, el("dt", {}, name), el("dd", {}, said));

function link(key, text) {
  return el("button", { type: "button", class: "link", onclick: () => goTo(key), onpointerenter: () => pointAt({ item: key }), onpointerleave: () => pointAt(null) }, text ?? textsOf(key)[0]);
}

const MOST_LISTED = 30;
// The first of a list, each made by a function, and how many there are besides.
function listed(list, make) {
  const rest = list.length - MOST_LISTED;
  return [list.slice(0, MOST_LISTED).map(make), rest > 0 ? el("span", { class: "quiet" }, `and ${rest} more`) : null];
}

const lineLink = (number, text = `line ${number}`) => el("button", { type: "button", class: "link", onclick: () => choose({ line: number }) }, text);

// Unfold what hides an item, choose it and bring it into sight.
function goTo(key) {
  const value = faceOf(key), hidden = chain(isBlock(key) ? blocks[numberOf(key)].above : blockOf[value]).filter((b) => !state.open.has(b));
  for (const block of hidden) unfold(block);
  set({ chosen: { item: key }, hover: null }, "light");
  emit("chosen");
  reveal(key);
}

function valueDetails(v, key) {
  const value = values[v], place = value.place;
  return [
    el("h2", {}, value.name),
    el("dl", {},
      row("what", `${value.kind} : ${value.type}`),
      place && row("written", lineLink(place[0])),
      value.formula && row("computed", code(value.equation)),
      row("operator", code(value.operator), value.layer ? `, the whole of ${value.layer}` : ""),
      value.reads.some((r) => drawn[r]) && row("reads", listed(value.reads.filter((r) => drawn[r]), (r) => [link(`v${r}`), " "])),
      readers[v].length > 0 && row("read by", listed(readers[v], (r) => [link(`v${r}`), " "])),
      row("value", numbers.values[v].text)),
    pictureOf(numbers.values[v]),
    adjointDetails(v),
    ruleDetails(v),
    kernelLinks(),
  ];
}

function adjointDetails(v) {
  const value = values[v];
  if (v === data.loss) return [el("h3", {}, value.adjoint), el("p", {}, `${value.adjoint} = 1: where reverse accumulation begins.`)];
  if (!isReached(v)) return [el("h3", {}, value.adjoint), el("p", {}, "No derivative comes here.")];
  const terms = listed(sentBy[v], ([k, j]) => {
    const { text, total } = numbers.steps[k][j], term = steps[k].terms[j];
    return el("li", {}, el("button", { type: "button", class: "link", onclick: () => moveTo(forwardCount + k + 1) }, `step ${k + 1}`), " ", code(term.equation),
      el("div", { class: "number" }, `= ${text}`, term.adds ? `, in all ${total}` : ""), term.summed ? el("div", { class: "quiet" }, "added up, as it is read many times") : null);
  });
  return [el("h3", {}, `${value.adjoint} = ${numbers.adjoints[v].short}`), el("ul", { class: "terms" }, terms), pictureOf(numbers.adjoints[v])];
}

function ruleDetails(v) {
  if (stepOf[v] === null) return null;
  const step = steps[stepOf[v]];
  return [
    el("h3", {}, `Step ${step.number}: back through ${values[v].name}`),
    el("p", { class: "rule" }, step.rule),
    step.loop ? el("p", { class: "quiet" }, "One rule for every step of time, from the last to the first.") : null,
    el("ul", { class: "terms" }, step.terms.map((term) => el("li", {}, link(`g${term.to}`, values[term.to].adjoint), " gets ", code(term.short)))),
    Object.entries(step.cut).map(([name, end]) => el("p", { class: "quiet" }, `nothing to ${name}: ${end} lets no derivative through`)),
  ];
}

function blockDetails(b) {
  const inside = within[b].filter((v) => drawn[v]);
  const result = values[resultOf(b)];
  const read = [...new Set(inside.flatMap((v) => values[v].reads))].filter((r) => drawn[r] && !inside.includes(r));
  return [
    el("h2", {}, blocks[b].title),
    el("p", {}, `A layer of ${counted(inside.length, "operator")}. `, el("button", { type: "button", class: "link", onclick: () => (state.open.has(b) ? fold(b) : unfold(b)) }, state.open.has(b) ? "Fold it" : "Unfold it")),
    el("dl", {},
      row("reads", listed(read, (r) => [link(`v${r}`, values[r].name), " "])),
      row("gives", link(`v${resultOf(b)}`, result.name), ` : ${result.type}`),
      row("value", numbers.values[resultOf(b)].text),
      row(result.adjoint, numbers.adjoints[resultOf(b)]?.text ?? "none")),
    el("h3", {}, "Inside"),
    el("ul", { class: "terms" }, listed(inside, (v) => el("li", {}, link(`v${v}`, values[v].name), values[v].formula ? [" = ", code(cut(values[v].short, 60))] : ` : ${values[v].type}`))),
    kernelLinks(),
  ];
}

function lineDetails(number) {
  const found = valuesOnLine(number);
  const cost = data.cost.lines.find((line) => line.line === number);
  return [
    el("h2", {}, `Line ${number}`),
    el("pre", { class: "quoted" }, data.source[number - 1].trim()),
    cost && el("p", {}, `${cost.forward.number.toLocaleString("en")} operations forward, ${cost.backward.number.toLocaleString("en")} backward (${data.cost.at})`),
    el("h3", {}, `${counted(found.length, "value")} and the gradient`),
    el("ul", { class: "terms" }, listed(found, (v) => el("li", {}, link(`v${v}`, values[v].name), isReached(v) ? [" and ", link(`g${v}`, values[v].adjoint)] : null))),
    kernelLinks(),
  ];
}

function kernelLinks() {
  if (!lit.kernels.size) return null;
  const open = (k) => {
    set({ tab: "kernels" }, "tab");
    byId(`kernel-${k}`)?.scrollIntoView({ block: "start" });
  };
  return [el("h3", {}, "Kernels"), el("p", {}, listed([...lit.kernels], (k) => [el("button", { type: "button", class: "link", onclick: () => open(k) }, kernels[k].name), " "]))];
}

// A tensor as a picture in grey: darkest the least number, brightest the greatest.
function pictureOf(number) {
  const picture = number?.picture;
  if (!picture) return null;
  const canvas = el("canvas", { width: picture.width, height: picture.height, class: "picture", role: "img", "aria-label": picture.said });
  const pen = canvas.getContext("2d"), image = pen.createImageData(picture.width, picture.height);
  for (let k = 0; k < picture.width * picture.height; k++) {
    const level = parseInt(picture.levels.slice(2 * k, 2 * k + 2), 16);
    image.data.set([level, level, level, 255], 4 * k);
  }
  pen.putImageData(image, 0, 0);
  const scale = Math.max(2, Math.min(9, Math.floor(200 / Math.max(picture.width, picture.height))));
  canvas.style.width = `${picture.width * scale}px`;
  return el("figure", {}, canvas, el("figcaption", {}, picture.said));
}

function detailsNow() {
  const target = state.chosen ?? state.hover;
  if (target === null) return welcome();
  if (target.line !== undefined) return lineDetails(target.line);
  return isBlock(target.item) ? blockDetails(numberOf(target.item)) : valueDetails(numberOf(target.item), target.item);
}

function welcome() {
  return [
    el("h2", {}, `The gradient of ${data.of}`),
    el("p", {}, numbers.said),
    el("p", {}, "Point at a line or at a box: what belongs together lights up. A click keeps it. The slider below plays the forward pass, and then reverse accumulation, step by step."),
    el("dl", {}, row("values", String(order.length)), row("steps", String(steps.length)), row("layers", String(blocks.length - 1)), row("kernels", String(kernels.length)), row("passes", String(data.passes.list.length))),
    el("h3", {}, "By"),
    el("ul", { class: "terms" }, listed(data.wrt, (v) => el("li", {}, link(`v${v}`, values[v].name), " : ", values[v].type, el("div", { class: "number" }, `${values[v].adjoint} = ${numbers.adjoints[v]?.short ?? "0"}`)))),
  ];
}
