// Rows, lists and links: what the tabs on the right are made of.

const code = (text) => el("code", {}, text);
const row = (name, ...said) => el("div", { class: "row" }, el("dt", {}, name), el("dd", {}, said));

function link(key, text) {
  return el(
    "button",
    {
      type: "button",
      class: "link",
      onclick: () => goTo(key),
      onpointerenter: () => pointAt({ item: key }),
      onpointerleave: () => pointAt(null),
    },
    text ?? textsOf(key)[0],
  );
}

const MOST_LISTED = 30;
// The first of a list, each made by a function, and how many there are besides.
function listed(list, make) {
  const rest = list.length - MOST_LISTED;
  return [
    list.slice(0, MOST_LISTED).map(make),
    rest > 0 ? el("span", { class: "quiet" }, `and ${rest} more`) : null,
  ];
}

const lineLink = (number, text = `line ${number}`) =>
  el("button", { type: "button", class: "link", onclick: () => choose({ line: number }) }, text);

// Unfold what hides an item, choose it and bring it into sight.
function goTo(key) {
  const value = faceOf(key),
    hidden = chain(isBlock(key) ? blocks[numberOf(key)].above : blockOf[value]).filter(
      (b) => !state.open.has(b),
    );
  for (const block of hidden) unfold(block);
  set({ chosen: { item: key }, hover: null }, "light");
  emit("chosen");
  reveal(key);
}

// A tensor as a picture in grey: darkest the least number, brightest the greatest.
function pictureOf(number) {
  const picture = number?.picture;
  if (!picture) return null;
  const canvas = el("canvas", {
    width: picture.width,
    height: picture.height,
    class: "picture",
    role: "img",
    "aria-label": picture.said,
  });
  const pen = canvas.getContext("2d"),
    image = pen.createImageData(picture.width, picture.height);
  for (let k = 0; k < picture.width * picture.height; k++) {
    const level = parseInt(picture.levels.slice(2 * k, 2 * k + 2), 16);
    image.data.set([level, level, level, 255], 4 * k);
  }
  pen.putImageData(image, 0, 0);
  const scale = Math.max(2, Math.min(9, Math.floor(200 / Math.max(picture.width, picture.height))));
  canvas.style.width = `${picture.width * scale}px`;
  return el("figure", {}, canvas, el("figcaption", {}, picture.said));
}
