// An adjoint: the terms that add up to it, and the rule that leads on from its value.

function adjointDetails(v) {
  const value = values[v];
  if (v === data.loss)
    return [
      el("h3", {}, value.adjoint),
      el("p", {}, `${value.adjoint} = 1: where reverse accumulation begins.`),
    ];
  if (!isReached(v)) return [el("h3", {}, value.adjoint), el("p", {}, "No derivative comes here.")];
  const terms = listed(sentBy[v], ([k, j]) => {
    const { text, total } = numbers.steps[k][j],
      term = steps[k].terms[j];
    return el(
      "li",
      {},
      el(
        "button",
        { type: "button", class: "link", onclick: () => moveTo(forwardCount + k + 1) },
        `step ${k + 1}`,
      ),
      " ",
      code(term.equation),
      el("div", { class: "number" }, `= ${text}`, term.adds ? `, in all ${total}` : ""),
      operatorsOf(term),
      term.summed ? el("div", { class: "quiet" }, "added up, as it is read many times") : null,
    );
  });
  return [
    el("h3", {}, `${value.adjoint} = ${numbers.adjoints[v].short}`),
    el("ul", { class: "terms" }, terms),
    pictureOf(numbers.adjoints[v]),
  ];
}

// The nodes of the gradient's graph that a term is.
function operatorsOf(term) {
  const said = term.operators.length ? `made by ${term.operators.join(", ")}` : "handed on as it is";
  return el("div", { class: "quiet" }, said);
}

function ruleDetails(v) {
  if (stepOf[v] === null) return null;
  const step = steps[stepOf[v]];
  return [
    el("h3", {}, `Step ${step.number}: back through ${values[v].name}`),
    el("p", { class: "rule" }, step.rule),
    step.loop
      ? el("p", { class: "quiet" }, "One rule for every step of time, from the last to the first.")
      : null,
    el(
      "ul",
      { class: "terms" },
      step.terms.map((term) =>
        el("li", {}, link(`g${term.to}`, values[term.to].adjoint), " gets ", code(term.short)),
      ),
    ),
    Object.entries(step.cut).map(([name, end]) =>
      el("p", { class: "quiet" }, `nothing to ${name}: ${end} lets no derivative through`),
    ),
  ];
}
