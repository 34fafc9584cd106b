// Every pass: what fired and by which law, and the whole graph before and after it.

let chosenPass = 0,
  passView = "fired";
const VIEWS = { fired: "What fired", before: "Before", after: "After" };
const textOf = (numbers) => numbers.map((number) => data.passes.texts[number]);

function passesTab() {
  const list = data.passes.list;
  if (!list.length) return [el("h2", {}, "Passes"), el("p", {}, "No pass changed this graph.")];
  const pick = (k) => {
    chosenPass = k;
    fillTab();
    byId(`pass-${k}`)?.focus();
  };
  const rows = list.map((pass, k) =>
    el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          id: `pass-${k}`,
          class: "pass",
          "aria-pressed": String(k === chosenPass),
          onclick: () => pick(k),
        },
        el("b", {}, `${k + 1}. ${pass.name}`),
        ` ${pass.before.length} → ${pass.after.length} nodes`,
        pass.exact ? null : el("span", { class: "badge" }, "inexact"),
      ),
    ),
  );
  return [
    el("h2", {}, `Passes on ${data.passes.entry}`),
    el("ol", { class: "passes" }, rows),
    passDetails(list[chosenPass]),
  ];
}

function passDetails(pass) {
  const buttons = Object.entries(VIEWS).map(([name, title]) =>
    el(
      "button",
      {
        type: "button",
        "aria-pressed": String(name === passView),
        onclick: () => {
          passView = name;
          fillTab();
        },
      },
      title,
    ),
  );
  return [
    el("h3", {}, `${pass.name} (${pass.stage})`),
    el("p", { class: "rule" }, pass.law),
    el(
      "p",
      { class: "quiet" },
      `${pass.said}: ${pass.before.length} nodes before, ${pass.after.length} after`,
    ),
    el("div", { class: "choice", role: "group", "aria-label": "What of the pass" }, buttons),
    passView === "fired"
      ? [lawsOf(pass), firedLines(pass)]
      : el("pre", { class: "listing" }, textOf(pass[passView]).join("\n")),
  ];
}

// The laws of a sweep, each with what it changed.
function lawsOf(pass) {
  return pass.laws.map((law) => [
    el(
      "p",
      { class: "rule" },
      el("b", {}, law.equation),
      ` (${law.said}; ${counted(law.changed.length, "place")})`,
    ),
    el("pre", { class: "listing short" }, law.changed.join("\n")),
  ]);
}

// Lines that went begin with -, those that came with +.
function firedLines(pass) {
  const before = new Set(pass.before),
    after = new Set(pass.after);
  const went = pass.before.filter((n) => !after.has(n)),
    came = pass.after.filter((n) => !before.has(n));
  const line = (sign, type) => (n) =>
    el("div", { class: type }, `${sign} `, el("span", {}, data.passes.texts[n]));
  return el(
    "pre",
    { class: "listing" },
    went.map(line("-", "went")),
    came.map(line("+", "came")),
    !went.length && !came.length ? "The nodes stand in another order." : null,
  );
}
