// Highlight one lane: while the pointer or the focus is on it, or by its button.
import { swatch } from "./shapes.js";

const laneOf = (target) => target?.closest?.("[data-shows]")?.dataset.shows;

export class OneLane {
  constructor(place, map) {
    this.place = place;
    this.map = map;
    for (const type of ["pointerover", "focusin"]) document.addEventListener(type, ({ target }) => this.at(target));
    document.addEventListener("focusout", ({ relatedTarget }) => this.at(relatedTarget));
    document.documentElement.addEventListener("pointerleave", () => this.at(null));
  }

  at(target) {
    this.map.showOne(laneOf(target) ?? this.chosen ?? laneOf(document.activeElement));
  }

  show({ lanes }) {
    if (this.place.childElementCount > 0 || lanes.length < 2) return;
    this.place.replaceChildren(...lanes.map((lane, index) => this.button(lane.name, index)));
  }

  button(name, index) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.shows = name;
    button.setAttribute("aria-pressed", false);
    button.append(swatch(index), name);
    button.addEventListener("click", () => {
      this.choose(this.chosen === name ? undefined : name);
      this.at(button);
    });
    return button;
  }

  // Keep this lane highlighted; undefined: none.
  choose(lane) {
    this.chosen = lane;
    for (const button of this.place.children) button.setAttribute("aria-pressed", button.dataset.shows === lane);
    this.at(null);
  }
}
