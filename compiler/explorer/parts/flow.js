// How long gradients are, through layers and back through time; logarithmic, as they shrink and grow
// by factors.

function flowTab() {
  const { layers, parameters, times } = data.flow;
  return [
    el("h2", {}, "Gradient flow"),
    el("p", { class: "quiet" }, "Lengths (norms) at these inputs. Bars are logarithmic."),
    el("h3", {}, "Through layers, from the loss down"),
    bars(layers),
    parameters.length ? [el("h3", {}, "Of parameters"), bars(parameters)] : null,
    times.map((time) => [el("h3", {}, `${time.adjoint} over time`), overTime(time)]),
    times.length ? null : el("p", { class: "quiet" }, "Nothing here goes through time."),
  ];
}

// How much of a bar each length is: all of it for the longest, little for the shortest; between
// them as many orders as they are apart, at most twelve.
function sharesOf(norms) {
  const positive = norms.filter((norm) => norm > 0);
  const most = Math.max(...positive),
    apart = Math.log10(most / Math.min(...positive));
  const orders = Math.min(12, Math.max(1, Math.ceil(apart * 1.1)));
  return {
    orders,
    shares: norms.map((norm) => (norm > 0 ? Math.max(0.01, 1 - Math.log10(most / norm) / orders) : 0)),
  };
}

const factorOf = (orders) => `a factor of 10${orders > 1 ? `^${orders}` : ""}`;
const ordersSaid = (orders) => el("p", { class: "quiet" }, `from end to end of a bar: ${factorOf(orders)}`);

function bars(list) {
  const { orders, shares } = sharesOf(list.map((one) => one.norm));
  return [
    ordersSaid(orders),
    el(
      "ul",
      { class: "bars" },
      list.map((one, k) => {
        const share = shares[k];
        return el(
          "li",
          {},
          el("span", { class: "label" }, link(`g${one.value}`, one.name)),
          el("div", { class: "bar" }, bar(share)),
          el("span", { class: "number" }, one.text),
        );
      }),
    ),
  ];
}

// A column for each step of time; the last step is on the right, where the walk back begins.
function overTime({ norms, texts }) {
  const width = 300,
    height = 90,
    step = width / norms.length;
  const { orders, shares } = sharesOf(norms);
  const columns = shares.map((share, t) =>
    svg(
      "rect",
      { x: t * step + 1, y: height * (1 - share), width: Math.max(1, step - 2), height: height * share },
      svg("title", {}, `t = ${t + 1}: ${texts[t]}`),
    ),
  );
  return el(
    "figure",
    {},
    svg(
      "svg",
      {
        class: "times",
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": `from ${texts[0]} at the first step to ${texts[texts.length - 1]} at the last`,
      },
      columns,
    ),
    el(
      "figcaption",
      {},
      `t = 1: ${texts[0]}; t = ${norms.length}: ${texts[texts.length - 1]}; from top to bottom ${factorOf(orders)}`,
    ),
  );
}
