// Everything about what is chosen: a value with its adjoint, a layer, or a line.

function valueDetails(v, key) {
  const value = values[v],
    place = value.place;
  return [
    el("h2", {}, value.name),
    el(
      "dl",
      {},
      row("what", `${value.kind} : ${value.type}`),
      place && row("written", lineLink(place[0])),
      value.formula && row("computed", code(value.equation)),
      row("operator", code(value.operator), value.layer ? `, the whole of ${value.layer}` : ""),
      value.reads.some((r) => drawn[r]) &&
        row(
          "reads",
          listed(
            value.reads.filter((r) => drawn[r]),
            (r) => [link(`v${r}`), " "],
          ),
        ),
      readers[v].length > 0 &&
        row(
          "read by",
          listed(readers[v], (r) => [link(`v${r}`), " "]),
        ),
      row("value", numbers.values[v].text),
    ),
    pictureOf(numbers.values[v]),
    adjointDetails(v),
    ruleDetails(v),
    kernelLinks(),
  ];
}

function blockDetails(b) {
  const inside = within[b].filter((v) => drawn[v]);
  const result = values[resultOf(b)];
  const read = [...new Set(inside.flatMap((v) => values[v].reads))].filter(
    (r) => drawn[r] && !inside.includes(r),
  );
  return [
    el("h2", {}, blocks[b].title),
    el(
      "p",
      {},
      `A layer of ${counted(inside.length, "operator")}. `,
      el(
        "button",
        { type: "button", class: "link", onclick: () => (state.open.has(b) ? fold(b) : unfold(b)) },
        state.open.has(b) ? "Fold it" : "Unfold it",
      ),
    ),
    el(
      "dl",
      {},
      row(
        "reads",
        listed(read, (r) => [link(`v${r}`, values[r].name), " "]),
      ),
      row("gives", link(`v${resultOf(b)}`, result.name), ` : ${result.type}`),
      row("value", numbers.values[resultOf(b)].text),
      row(result.adjoint, numbers.adjoints[resultOf(b)]?.text ?? "none"),
    ),
    el("h3", {}, "Inside"),
    el(
      "ul",
      { class: "terms" },
      listed(inside, (v) =>
        el(
          "li",
          {},
          link(`v${v}`, values[v].name),
          values[v].formula ? [" = ", code(cut(values[v].short, 60))] : ` : ${values[v].type}`,
        ),
      ),
    ),
    kernelLinks(),
  ];
}

function lineDetails(number) {
  const found = valuesOnLine(number);
  const cost = data.cost.lines.find((line) => line.line === number);
  return [
    el("h2", {}, `Line ${number}`),
    el("pre", {}, data.source[number - 1].trim()),
    cost &&
      el(
        "p",
        {},
        `${cost.forward.number.toLocaleString("en")} operations forward, ${cost.backward.number.toLocaleString("en")} backward (${data.cost.at})`,
      ),
    el("h3", {}, `${counted(found.length, "value")} and the gradient`),
    el(
      "ul",
      { class: "terms" },
      listed(found, (v) =>
        el(
          "li",
          {},
          link(`v${v}`, values[v].name),
          isReached(v) ? [" and ", link(`g${v}`, values[v].adjoint)] : null,
        ),
      ),
    ),
    kernelLinks(),
  ];
}

function kernelLinks() {
  if (!lit.kernels.size) return null;
  const open = (k) => {
    set({ tab: "kernels" }, "tab");
    byId(`kernel-${k}`)?.scrollIntoView({ block: "start" });
  };
  return [
    el("h3", {}, "Kernels"),
    el(
      "p",
      {},
      listed([...lit.kernels], (k) => [
        el("button", { type: "button", class: "link", onclick: () => open(k) }, kernels[k].name),
        " ",
      ]),
    ),
  ];
}

function detailsNow() {
  const target = state.chosen ?? state.hover;
  if (target === null) return welcome();
  if (target.line !== undefined) return lineDetails(target.line);
  return isBlock(target.item)
    ? blockDetails(numberOf(target.item))
    : valueDetails(numberOf(target.item), target.item);
}

function welcome() {
  return [
    el("h2", {}, `The gradient of ${data.of}`),
    el("p", {}, numbers.said),
    el(
      "p",
      {},
      "Point at a line or at a box: what belongs together lights up. A click keeps it. The slider below plays the forward pass, and then reverse accumulation, step by step.",
    ),
    el(
      "dl",
      {},
      row("values", String(order.length)),
      row("steps", String(steps.length)),
      row("layers", String(blocks.length - 1)),
      row("kernels", String(kernels.length)),
      row("passes", String(data.passes.list.length)),
    ),
    el("h3", {}, "By"),
    el(
      "ul",
      { class: "terms" },
      listed(data.wrt, (v) =>
        el(
          "li",
          {},
          link(`v${v}`, values[v].name),
          " : ",
          values[v].type,
          el("div", { class: "number" }, `${values[v].adjoint} = ${numbers.adjoints[v]?.short ?? "0"}`),
        ),
      ),
    ),
  ];
}
