// The page begins: what it is of, how it looks, and the first picture.

byId("title").textContent = data.name;
byId("about").textContent = data.about;

// Light or dark: as the system has it, until somebody says otherwise.
function changeTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

byId("theme").addEventListener("click", changeTheme);
byId("help").addEventListener("click", () => byId("keys").showModal());

const AT_FIRST = 26; // boxes of the forward graph
function unfoldAll() {
  const { open, full } = openedUpTo(MOST_DRAWN);
  set({ open }, "folded");
  fitView();
  byId("status").textContent = full
    ? `As much as can be drawn legibly: ${counted(picture.boxes.size, "box").replace("boxs", "boxes")}. Unfold others by themselves.`
    : "";
}

function foldAll() {
  set({ open: openedUpTo(12).open }, "folded");
  byId("status").textContent = "";
  fitView();
}
byId("unfold").addEventListener("click", unfoldAll);
byId("fold").addEventListener("click", foldAll);

// On a narrow screen one view is seen at a time.
for (const button of document.querySelectorAll("#views button")) {
  button.addEventListener("click", () => showView(button.dataset.view));
}
function showView(name) {
  document.querySelector("main").dataset.view = name;
  for (const button of document.querySelectorAll("#views button"))
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  if (name === "stage" && picture) firstView();
}

state.open = openedUpTo(AT_FIRST).open;
state.position = endOfPlay;
globalThis.explorer = {
  state,
  touched,
  moveTo,
  choose,
  pointAt,
  goTo,
  unfold,
  fold,
  unfoldAll,
  foldAll,
  boxes,
  lines,
  get lit() {
    return lit;
  },
};
function begin(made) {
  graphviz = made;
  emit("folded");
  showView("stage");
  fillTab();
  document.documentElement.dataset.ready = "yes";
}

// A browser without WebAssembly lays nothing out; that is said, and the source can still be read.
function without(fault) {
  byId("status").textContent = `No graph can be drawn here: ${fault.message}`;
  document.documentElement.dataset.ready = "no";
}

Promise.resolve()
  .then(() => Viz.instance())
  .then(begin, without);
