// Requests as shapes that move along the lines, on a canvas over the map, so that the lines need no
// redraw. No shapes if the system is set to show less motion.
import { laneColor, laneShape } from "./shapes.js";

const TRAVEL = 650; // milliseconds from one node to the next
const TICK = 250; // milliseconds between two pictures; the requests of one are spread over them
const MOST = 120;
const STEP = 12; // between two computed points of a line

export class Traffic {
  constructor(place) {
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    place.append(this.canvas);
    this.pen = this.canvas.getContext("2d");
    this.dots = [];
    this.colors = new Map();
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.colors.clear());
  }

  clear({ width, height }) {
    const scale = devicePixelRatio;
    Object.assign(this.canvas, { width: width * scale, height: height * scale });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.pen.scale(scale, scale);
    this.size = [0, 0, width, height];
    this.places = new WeakMap();
    this.dots = [];
  }

  send(path, lane, count, depth, failing) {
    if (this.still.matches || document.hidden) return;
    const now = performance.now();
    const shown = Math.min(count, 6, MOST - this.dots.length);
    for (let i = 0; i < shown; i++) {
      this.dots.push({ path, lane, failing, start: now + depth * TRAVEL + (i * TICK) / shown });
    }
    if (shown > 0 && !this.running) requestAnimationFrame(() => this.move());
    this.running ||= shown > 0;
  }

  move() {
    const { pen } = this;
    const now = performance.now();
    pen.clearRect(...this.size);
    pen.strokeStyle = this.color("--card");
    pen.lineWidth = 1.5;
    this.dots = this.dots.filter(({ path, lane, failing, start }) => {
      const gone = (now - start) / TRAVEL;
      if (gone >= 1 || !path.isConnected || path.parentElement.classList.contains("dim")) return false;
      if (gone < 0) return true;
      const { x, y } = this.at(path, gone);
      pen.fillStyle = this.color(failing ? "--bad" : laneColor(lane));
      pen.translate(x, y);
      pen.fill(shape(lane));
      pen.stroke(shape(lane));
      pen.translate(-x, -y);
      return true;
    });
    this.running = this.dots.length > 0;
    if (this.running) requestAnimationFrame(() => this.move());
  }

  color(name) {
    if (!this.colors.has(name)) this.colors.set(name, getComputedStyle(this.canvas).getPropertyValue(name));
    return this.colors.get(name);
  }

  // Return the point of a line at this part of its length, 0 to 1.
  at(path, gone) {
    if (!this.places.has(path)) this.places.set(path, places(path));
    const known = this.places.get(path);
    const exact = gone * (known.length - 1);
    const [a, b] = [known[Math.floor(exact)], known[Math.ceil(exact)]];
    const part = exact % 1;
    return { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part };
  }
}

function places(path) {
  const length = path.getTotalLength();
  const count = Math.ceil(length / STEP) + 1;
  return Array.from({ length: count }, (_, i) => path.getPointAtLength((i * length) / (count - 1)));
}

const shapes = new Map();

function shape(lane) {
  if (!shapes.has(lane)) shapes.set(lane, new Path2D(laneShape(lane)));
  return shapes.get(lane);
}
