// Requests as dots that travel along the lines; none for those who want no motion.
import { svg } from "./shapes.js";

const TRAVEL = 650; // milliseconds from one room to the next
const TICK = 250; // between two pictures: what they tell at once is drawn one after another
const MOST = 120;

export class Traffic {
  constructor(place) {
    this.place = place;
    this.dots = [];
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  clear() {
    this.dots = [];
    this.place.replaceChildren();
  }

  send(path, lane, shape, count, depth, failing) {
    if (this.still.matches || document.hidden) return;
    const now = performance.now();
    const shown = Math.min(count, 6, MOST - this.dots.length);
    for (let i = 0; i < shown; i++) {
      const dot = svg("path", { d: shape, class: `dot ${lane}${failing ? " failing" : ""}`, visibility: "hidden" });
      this.place.append(dot);
      this.dots.push({ dot, path, length: path.getTotalLength(), start: now + depth * TRAVEL + (i * TICK) / shown });
    }
    if (!this.running) requestAnimationFrame(() => this.move());
    this.running = true;
  }

  move() {
    const now = performance.now();
    this.dots = this.dots.filter(({ dot, path, length, start }) => {
      const gone = (now - start) / TRAVEL;
      if (gone >= 1 || !path.isConnected || path.parentElement.classList.contains("dim")) {
        dot.remove();
        return false;
      }
      if (gone >= 0) {
        const { x, y } = path.getPointAtLength(gone * length);
        dot.setAttribute("transform", `translate(${x} ${y})`);
        dot.removeAttribute("visibility");
      }
      return true;
    });
    this.running = this.dots.length > 0;
    if (this.running) requestAnimationFrame(() => this.move());
  }
}
