// Search through names, operators, layers and lines.

const field = byId("search"),
  foundList = byId("found");
let hits = [];

function searched(words) {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return [];
  const has = (...texts) => texts.some((text) => text.toLowerCase().includes(wanted));
  const ofValues = order
    .filter((v) => has(values[v].name, values[v].operator, values[v].adjoint, values[v].layer ?? ""))
    .map((v) => ({
      key: has(values[v].name, values[v].operator, values[v].layer ?? "") ? `v${v}` : `g${v}`,
      text: `${values[v].name} = ${values[v].short || values[v].kind}`,
    }));
  const ofBlocks = blocks.flatMap((block, b) =>
    b && has(block.title) ? [{ key: `b${b}`, text: `layer ${block.title}` }] : [],
  );
  const ofLines = data.source.flatMap((text, k) =>
    has(text) ? [{ line: k + 1, text: `line ${k + 1}: ${text.trim()}` }] : [],
  );
  return [...ofBlocks, ...ofValues, ...ofLines];
}

function search() {
  hits = searched(field.value);
  const keys = hits
    .filter((hit) => hit.key)
    .map((hit) =>
      isBlock(hit.key)
        ? hit.key
        : isGradient(hit.key)
          ? gradientOf(holder(numberOf(hit.key)))
          : holder(numberOf(hit.key)),
    );
  set({ matches: new Set(keys.filter((key) => boxes.has(key))) }, "found");
  foundList.hidden = !field.value.trim();
  const rest = hits.length - 12;
  show(
    foundList,
    hits
      .slice(0, 12)
      .map((hit) =>
        el("li", {}, el("button", { type: "button", onclick: () => take(hit) }, cut(hit.text, 60))),
      ),
    rest > 0 ? el("li", { class: "quiet" }, `and ${rest} more`) : null,
    hits.length ? null : el("li", { class: "quiet" }, "nothing"),
  );
}

function take(hit) {
  if (hit.line) (lines.get(hit.line).focus(), choose({ line: hit.line }));
  else goTo(hit.key);
  endSearch();
}

function endSearch() {
  field.value = "";
  search();
}

field.addEventListener("input", search);
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && hits.length) take(hits[0]);
  else if (event.key === "Escape") (endSearch(), field.blur());
  event.stopPropagation();
});
on("drawn", () => field.value && search());
