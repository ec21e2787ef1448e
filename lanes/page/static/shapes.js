// Shapes, classes and texts that several modules draw.
const NS = "http://www.w3.org/2000/svg";
const COLORS = 6;
const SHAPES = [
  "M0-6A6 6 0 1 1 0 6A6 6 0 1 1 0-6Z",
  "M-5-5H5V5H-5Z",
  "M0-6.5L6.5 5H-6.5Z",
  "M0-7L7 0L0 7L-7 0Z",
];

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export const laneClass = (index) => `lane-${index % COLORS}`;

export const laneColor = (index) => `--lane-${index % COLORS}`;

export const laneShape = (index) => SHAPES[index % SHAPES.length];

export function swatch(index) {
  const attributes = { viewBox: "-8 -8 16 16", class: `shape ${laneClass(index)}`, "aria-hidden": "true" };
  return svg("svg", attributes, svg("path", { d: laneShape(index) }));
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Write a text, cut off at `width`. Its title is the whole text.
export function write(element, text, width) {
  if (element.dataset.whole === text) return;
  element.dataset.whole = text;
  element.textContent = text;
  if (element.getComputedTextLength() <= width) return;
  let kept = text.length - 1;
  while (kept > 1 && element.getSubStringLength(0, kept) > width - 12) kept -= 1;
  element.replaceChildren(`${text.slice(0, kept)}…`, svg("title", {}, text));
}

export const whole = new Intl.NumberFormat("en");

export const milliseconds = (value) =>
  value === null ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
