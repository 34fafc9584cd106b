// How long gradients are, through layers and back through time; logarithmic, as they shrink and grow
// by factors.

function flowTab() {
  const { layers, parameters, times } = data.flow;
  return [
    el("h2", {}, "Gradient flow"),
    el("p", { class: "quiet" }, "Lengths (norms) at these inputs. A bar is logarithmic: it loses a tenth where a gradient is ten times shorter, for twelve orders at most."),
    el("h3", {}, "Through layers, from the loss down"),
    bars(layers, "adjoint"),
    parameters.length ? [el("h3", {}, "Of parameters"), bars(parameters, "adjoint")] : null,
    times.map((time) => [el("h3", {}, `${time.adjoint} over time`), overTime(time)]),
    times.length ? null : el("p", { class: "quiet" }, "Nothing here goes through time."),
  ];
}

function bars(list) {
  const most = Math.max(...list.map((one) => one.norm));
  return el("ul", { class: "bars" }, list.map((one) => {
    const share = one.norm > 0 && most > 0 ? Math.max(0.01, 1 - Math.log10(most / one.norm) / 12) : 0;
    return el("li", {}, el("span", { class: "label" }, link(`g${one.value}`, one.name)), el("div", { class: "bar" }, bar(share)), el("span", { class: "number" }, one.text));
  }));
}

// A column for each step of time; the last step is on the right, where the walk back begins.
function overTime({ norms, texts }) {
  const width = 300, height = 90, step = width / norms.length;
  const most = Math.max(...norms), tall = (norm) => (norm > 0 ? Math.max(2, height * (1 - Math.log10(most / norm) / 12)) : 0);
  const columns = norms.map((norm, t) => svg("rect", { x: t * step + 1, y: height - tall(norm), width: Math.max(1, step - 2), height: tall(norm) }, svg("title", {}, `t = ${t + 1}: ${texts[t]}`)));
  return el("figure", {},
    svg("svg", { class: "times", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `from ${texts[0]} at the first step to ${texts[texts.length - 1]} at the last` }, columns),
    el("figcaption", {}, `t = 1: ${texts[0]}; t = ${norms.length}: ${texts[texts.length - 1]}`));
}
