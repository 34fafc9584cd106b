// The tabs on the right.  One is filled when it is opened, and again when what it shows has changed.

const TABS = [
  ["value", "Details", () => detailsNow()],
  ["passes", "Passes", () => passesTab()],
  ["kernels", "Kernels", () => kernelsTab()],
  ["cost", "Cost", () => costTab()],
  ["flow", "Flow", () => flowTab()],
];
const tabButtons = new Map(
  TABS.map(([name, title], k) => [
    name,
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-controls": "shown",
        title: `${title} (${k + 1})`,
        onclick: () => set({ tab: name }, "tab"),
        onkeydown: (event) => stepTab(event, k),
      },
      title,
    ),
  ]),
);
// The panel as wide as the graph, for listings.
function widen() {
  const main = document.querySelector("main"),
    wide = main.dataset.wide !== "yes";
  main.dataset.wide = wide ? "yes" : "no";
  wider.setAttribute("aria-pressed", String(wide));
}

const wider = el(
  "button",
  {
    type: "button",
    id: "wider",
    title: "Wider or narrower (w)",
    "aria-label": "Wider panel",
    "aria-pressed": "false",
    onclick: widen,
  },
  "↔",
);
byId("tabs").append(...tabButtons.values());
byId("tabs").append(wider);

function stepTab(event, k) {
  const next = { ArrowRight: k + 1, ArrowLeft: k - 1 }[event.key];
  if (next === undefined) return;
  event.stopPropagation();
  const [name] = TABS[(next + TABS.length) % TABS.length];
  set({ tab: name }, "tab");
  tabButtons.get(name).focus();
}

function fillTab() {
  const shown = byId("shown");
  for (const [name, button] of tabButtons) {
    button.setAttribute("aria-selected", String(name === state.tab));
    button.tabIndex = name === state.tab ? 0 : -1;
  }
  shown.setAttribute("aria-labelledby", `tab-${state.tab}`);
  show(shown, TABS.find(([name]) => name === state.tab)[2]());
  shown.scrollTop = 0;
}

on("tab", fillTab);
on("chosen", () => state.tab === "value" && fillTab());
on("lit", () => {
  if (state.tab === "value" && state.chosen === null) fillTab();
  if (state.tab === "kernels") markKernels();
});
