// The kernels of the entry that is run, each with the operators it computes.

function kernelsTab() {
  const found = kernels.map((kernel, k) =>
    el(
      "section",
      { class: "kernel", id: `kernel-${k}` },
      el(
        "h3",
        {},
        kernel.name,
        " ",
        kernel.lines.map((number) => [lineLink(number), " "]),
      ),
      el("p", { class: "quiet" }, kernel.note),
      el("pre", { class: "listing" }, kernel.source ?? "of the library, given its geometry"),
    ),
  );
  setTimeout(markKernels);
  return [
    el("h2", {}, `Kernels of ${data.kernels.entry}`),
    el("p", { class: "quiet" }, data.kernels.said),
    found,
  ];
}

// Those that belong to what is pointed at, with a mark; the first comes into sight.
function markKernels() {
  kernels.forEach((_, k) => {
    const section = byId(`kernel-${k}`);
    if (!section) return;
    toggle(section, "lit", lit.kernels.has(k));
  });
  const first = Math.min(...lit.kernels);
  if (state.hover === null) byId(`kernel-${first}`)?.scrollIntoView({ block: "nearest" });
}
