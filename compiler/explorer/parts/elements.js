// Elements, made of names and texts.  A text of the spec only ever becomes a text node or the value
// of a plain attribute.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  touched.made += 1;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
}

function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

const byId = (id) => document.getElementById(id);

function show(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== false));
}

// A class on those elements of a map whose keys are in a set, and on no other: only what differs
// from the last time is touched.
function marker(name) {
  let marked = new Set();
  const apply = (elements, wanted) => {
    for (const key of marked) if (!wanted.has(key)) toggle(elements.get(key), name, false);
    for (const key of wanted) if (!marked.has(key)) toggle(elements.get(key), name, true);
    marked = new Set(wanted);
  };
  apply.forget = () => (marked = new Set());
  return apply;
}

function toggle(element, name, wanted) {
  if (!element || element.classList.contains(name) === wanted) return;
  element.classList.toggle(name, wanted);
  touched.changed += 1;
}

const cut = (text, most) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);
// What tells long paths apart is their end.
const cutPath = (text, most) => (text.length <= most ? text : `…${text.slice(1 - most)}`);
const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
