// Which part of the picture is seen: dragged, wheeled, pinched, or all of it.  Moving it changes one
// attribute.

const view = { x: 0, y: 0, scale: 1 };
const SMALLEST = 0.7, // at which texts can still be read
  COMFORTABLE = 0.95; // where not all of it is seen anyway
const pointers = new Map();

function applyView() {
  world.setAttribute(
    "transform",
    `translate(${view.x.toFixed(1)} ${view.y.toFixed(1)}) scale(${view.scale.toFixed(4)})`,
  );
  touched.changed += 1;
}

const sizeOfStage = () => [stage.clientWidth || 600, stage.clientHeight || 400];

function moveView(dx, dy) {
  view.x += dx;
  view.y += dy;
  applyView();
}

const margins = () => [picture.whole[0] + 44, picture.whole[1] + 62];

// All of it, however small.
function fitView() {
  const [width, height] = sizeOfStage();
  const [wide, high] = margins();
  placeView(Math.min(1.3, Math.max(0.1, Math.min(width / wide, height / high))));
}

// The first view: all of it, or as much as can be read, around the loss.
function firstView() {
  const [width, height] = sizeOfStage();
  const [wide, high] = margins();
  const whole = Math.min(width / wide, height / high);
  placeView(whole < SMALLEST ? COMFORTABLE : Math.min(1.3, whole));
  byId("status").textContent = whole < SMALLEST ? "A part of the graph, to be read: drag it, or Fit shows all." : "";
}

// The picture in the middle, if it is no larger than the stage; else the loss.
function placeView(scale) {
  const [width, height] = sizeOfStage();
  const [wide, high] = margins();
  const loss = picture.boxes.get(holder(data.loss));
  const middle = picture.stacked ? [loss.x, picture.height + 20] : [picture.toBack([loss.x, 0])[0] / 2 + loss.x / 2, loss.y];
  view.scale = scale;
  view.x = (width - (wide - 44) * scale) / 2;
  if (wide * scale > width + 1) view.x = kept(width / 2 - middle[0] * scale, width - (wide - 22) * scale, 22 * scale);
  view.y = (height - picture.whole[1] * scale) / 2 + 12 * scale;
  if (high * scale > height + 1) view.y = kept(height / 2 - middle[1] * scale, height - (high - 36) * scale, 36 * scale);
  applyView();
}

const kept = (x, least, most) => Math.min(most, Math.max(least, x));

function zoom(factor, [x, y] = sizeOfStage().map((n) => n / 2)) {
  const scale = Math.min(3, Math.max(0.1, view.scale * factor));
  const ratio = scale / view.scale;
  view.x = x - (x - view.x) * ratio;
  view.y = y - (y - view.y) * ratio;
  view.scale = scale;
  applyView();
}

// Bring a box into sight, if it is out of it.
function reveal(key) {
  const at = picture.boxes.get(forwardOf(key));
  if (!at) return;
  const [width, height] = sizeOfStage();
  const middle = isGradient(key) ? picture.toBack([at.x, at.y]) : [at.x, at.y];
  const x = view.x + middle[0] * view.scale,
    y = view.y + middle[1] * view.scale;
  const [w, h] = [(at.width / 2) * view.scale + 12, (at.height / 2) * view.scale + 24];
  const [dx, dy] = [outside(x, w, width), outside(y, h, height)];
  if (dx === 0 && dy === 0) return;
  moveView(-dx, -dy);
}

// How far a middle must be moved so that it is seen; then it comes to stand a third from the edge.
function outside(middle, half, size) {
  if (middle - half < 0) return middle - Math.min(size / 2, half + size / 4);
  if (middle + half > size) return middle - Math.max(size / 2, size - half - size / 4);
  return 0;
}

const inStage = (event) => {
  const { left, top } = stage.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
};
stage.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey || !event.shiftKey)
      zoom(Math.exp(-event.deltaY / 500), inStage(event));
  },
  { passive: false },
);
stage.addEventListener("pointerdown", (event) => pointers.set(event.pointerId, inStage(event)));
stage.addEventListener("pointermove", (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = inStage(event),
    others = [...pointers].filter(([id]) => id !== event.pointerId);
  if (others.length === 1) {
    const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    zoom(apart(now, others[0][1]) / Math.max(1, apart(before, others[0][1])), others[0][1]);
  } else {
    moveView(now[0] - before[0], now[1] - before[1]);
  }
  pointers.set(event.pointerId, now);
});
for (const end of ["pointerup", "pointercancel", "pointerleave"])
  stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
byId("fit").addEventListener("click", fitView);
byId("closer").addEventListener("click", () => zoom(1.25));
byId("farther").addEventListener("click", () => zoom(0.8));
new ResizeObserver(() => {
  if (!picture || !stage.clientWidth) return;
  if (picture.stacked !== isStacked(picture)) emit("folded");
  firstView();
}).observe(stage);
