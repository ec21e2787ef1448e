// Everything below the map: lanes, pods, hops, answers, and what a screen reader reads out.
import { laneClass, milliseconds, setText, swatch, whole } from "./shapes.js";

const byId = (id) => document.getElementById(id);
const percent = (share) => `${Math.round(share * 100)} %`;
const WORDS = { match: "", fallback: " (falls back)", misrouted: " (misrouted)", none: "" };

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  Object.assign(element, attributes);
  element.append(...children);
  return element;
}

// Return the hops of a lane in words, each once.
export function hops(lane) {
  const told = lane.links.map((link) =>
    link.to === null ? `${link.service}: nobody answers` : `${link.to.replace("/", " ")}${WORDS[link.why]}`,
  );
  return [...new Set(told)];
}

const faulty = ({ fault }) => fault.delay !== "0" || fault.rate > 0;

// Tell whether one version calls several services in this lane.
const forks = ({ links }) => new Set(links.map(({ from }) => from)).size < links.length;

export class Panels {
  constructor(change) {
    this.change = change;
    this.lanes = new Map();
    this.pods = new Map();
    this.hops = new Map();
    this.routes = new Map();
    this.newest = 0;
  }

  // `shown` is the picture without folded services.
  show(picture, shown) {
    const kept = new Set(shown.services.map(({ name }) => name));
    const gone = picture.services.filter(({ name }) => !kept.has(name));
    this.folded = new Set(gone.flatMap(({ versions }) => versions.map(({ node }) => node)));
    this.index = new Map(picture.lanes.map((lane, index) => [lane.name, index]));
    this.movable = picture.movable;
    byId("movable").hidden = !picture.movable;
    this.total = picture.lanes.reduce((sum, lane) => sum + lane.drawn, 0);
    shown.lanes.forEach((lane, index) => this.showLane(lane, index));
    picture.pods.forEach((pod) => this.showPod(pod));
    for (const [node, numbers] of Object.entries(picture.nodes)) this.showHop(node, numbers);
    this.showAnswers(picture);
    this.showNow(picture);
    this.tell(picture);
  }

  showLane(lane, index) {
    if (!this.lanes.has(lane.name)) this.lanes.set(lane.name, this.makeLane(lane, index));
    const parts = this.lanes.get(lane.name);
    const route = hops(lane);
    if (parts.routeText !== route.join()) {
      parts.routeText = route.join();
      const between = forks(lane) ? ", " : " → ";
      parts.route.replaceChildren(...route.flatMap((hop, i) => [i ? between : "", make("b", {}, hop)]));
    }
    if (parts.slider && parts.moving === undefined) parts.slider.value = lane.weight;
    if (parts.slider) setText(parts.output, `${lane.weight} → ${percent(lane.share)}`);
    const asked = lane.interval !== null;
    const seen = this.seen(lane);
    parts.bar.hidden = lane.share === null;
    parts.seen.style.width = percent(seen);
    parts.interval.hidden = !asked;
    if (asked) {
      parts.interval.style.left = `${lane.interval[0] * 100}%`;
      parts.interval.style.width = `${(lane.interval[1] - lane.interval[0]) * 100}%`;
    }
    parts.wanted.style.left = `${(lane.share ?? 0) * 100}%`;
    const off = asked && (lane.share < lane.interval[0] || lane.share > lane.interval[1]);
    parts.share.classList.toggle("off", off);
    setText(parts.share, this.shareText(lane, seen, off));
    const figures = [whole.format(lane.requests), whole.format(lane.failed), milliseconds(lane.median), milliseconds(lane.p99)];
    figures.forEach((text, i) => setText(parts.figures[i], text));
    parts.figures[1].classList.toggle("bad", lane.failed > 0);
  }

  seen(lane) {
    return this.total ? lane.drawn / this.total : 0;
  }

  shareText(lane, seen, off) {
    if (lane.share === null) return "no weight: entry rules only";
    if (lane.interval === null) return "no request by weight yet";
    const [low, high] = lane.interval;
    return `${percent(seen)} of ${whole.format(this.total)}, so ${percent(low)} to ${percent(high)}${off ? ": off its weight" : ""}`;
  }

  makeLane(lane, index) {
    const parts = {};
    parts.route = make("p", { className: "route" });
    parts.seen = make("i", { className: "seen" });
    parts.interval = make("i", { className: "interval" });
    parts.wanted = make("i", { className: "wanted" });
    parts.bar = make("div", { className: "bar" }, parts.seen, parts.interval, parts.wanted);
    parts.bar.setAttribute("aria-hidden", "true");
    parts.share = make("p", { className: "share" });
    const list = make("dl", { className: "figures" });
    parts.figures = ["requests", "failed", "median", "p99"].map((name) => {
      const value = make("dd");
      list.append(make("div", {}, make("dt", {}, name), value));
      return value;
    });
    const title = make("h3", {}, swatch(index), lane.name);
    const card = make("article", { className: `lane ${laneClass(index)}` }, title, parts.route);
    card.dataset.lane = card.dataset.shows = lane.name;
    if (lane.weight !== null && this.movable) card.append(this.makeWeight(lane, parts));
    card.append(parts.bar, parts.share, list, ...lane.enter.map((entry) => this.makeEntry(entry)));
    byId("lanes").append(card);
    return parts;
  }

  // Make an entry rule, with the command that sends a matching request.
  makeEntry({ rule, curl }) {
    const entry = make("div", { className: "entry" }, make("span", {}, rule));
    if (curl === "") return entry;
    const command = make("code", {}, curl);
    const copy = make("button", { type: "button" }, "Copy");
    copy.setAttribute("aria-label", `Copy the curl command of ${rule}`);
    copy.addEventListener("click", async () => {
      getSelection().selectAllChildren(command); // to copy by hand where a browser refuses
      try {
        await navigator.clipboard.writeText(curl);
      } catch {
        return;
      }
      setText(byId("told"), "Copied");
      setText(copy, "Copied");
      setTimeout(() => setText(copy, "Copy"), 2000);
    });
    entry.append(command, copy);
    return entry;
  }

  makeWeight(lane, parts) {
    const slider = make("input", { type: "range", min: 0, max: 100, value: lane.weight });
    slider.setAttribute("aria-label", `Weight of lane ${lane.name}`);
    parts.slider = slider;
    parts.output = make("output");
    // While the user moves a slider, pictures do not reset it.
    slider.addEventListener("input", () => {
      clearTimeout(parts.moving);
      parts.moving = setTimeout(async () => {
        await this.setWeights();
        parts.moving = undefined;
      }, 300);
    });
    return make("div", { className: "weight" }, slider, parts.output);
  }

  setWeights() {
    const sliders = [...this.lanes].filter(([, parts]) => parts.slider);
    const weights = Object.fromEntries(sliders.map(([name, parts]) => [name, Number(parts.slider.value)]));
    return this.change("/weights", { weights });
  }

  showPod(pod) {
    if (!this.pods.has(pod.key)) this.pods.set(pod.key, this.makePod(pod));
    const parts = this.pods.get(pod.key);
    parts.row.hidden = this.folded.has(pod.node) && pod.state === "ready" && !faulty(pod);
    setText(parts.state, pod.state);
    parts.state.className = `state ${pod.state === "ready" ? "ready" : ""}`;
    const runs = !["stopped", "crashed"].includes(pod.state);
    parts.stop.disabled = ["stopped", "stopping"].includes(pod.state);
    parts.kill.disabled = !runs;
    parts.start.disabled = !["stopped", "stopping", "crashed"].includes(pod.state);
    parts.set.disabled = !runs;
    const fault = JSON.stringify(pod.fault);
    if (fault !== parts.known) {
      parts.known = fault;
      parts.delay.value = pod.fault.delay;
      parts.rate.value = Math.round(pod.fault.rate * 1000) / 10;
      parts.fault.classList.toggle("on", faulty(pod));
    }
  }

  makePod(pod) {
    const parts = { state: make("span") };
    const act = (name, label) => {
      const button = make("button", { type: "button" }, label);
      button.setAttribute("aria-label", `${label} ${pod.name}`);
      button.addEventListener("click", () => this.change("/pods", { pod: pod.key, do: name }));
      parts[name] = button;
      return button;
    };
    const buttons = make("div", { className: "buttons" }, act("stop", "Stop"), act("kill", "Kill"), act("start", "Start"));
    parts.delay = make("input", { type: "text", inputMode: "decimal", title: "milliseconds, or p50/p99: 20/200" });
    parts.delay.setAttribute("aria-label", `Delay of ${pod.name}, in milliseconds`);
    parts.rate = make("input", { type: "number", min: 0, max: 100, step: 0.1 });
    parts.rate.setAttribute("aria-label", `Failures of ${pod.name}, in percent`);
    parts.set = make("button", { type: "submit" }, "Set");
    parts.set.setAttribute("aria-label", `Set the fault of ${pod.name}`);
    const late = make("label", {}, "late by ", parts.delay, " ms");
    const fails = make("label", {}, "fails ", parts.rate, " %");
    parts.fault = make("form", { className: "fault" }, late, fails, parts.set);
    parts.fault.addEventListener("submit", (event) => {
      event.preventDefault();
      const rate = Number(parts.rate.value) / 100;
      this.change("/fault", { pod: pod.key, delay: parts.delay.value.trim() || "0", rate });
    });
    const title = make("h3", {}, pod.name, make("small", {}, pod.address));
    const row = make("li", { className: "pod" }, title, parts.state, buttons, parts.fault);
    row.dataset.pod = pod.name;
    parts.row = row;
    byId("pods").append(row);
    return parts;
  }

  showHop(node, numbers) {
    if (!this.hops.has(node)) {
      const cells = [0, 1, 2, 3].map(() => make("td", { className: "number" }));
      const name = make("th", { scope: "row" }, node.replace("/", " "));
      byId("hops").append(make("tr", {}, name, ...cells));
      this.hops.set(node, cells);
    }
    const cells = this.hops.get(node);
    cells[0].parentElement.hidden = this.folded.has(node);
    const figures = [whole.format(numbers.requests), whole.format(numbers.failed), milliseconds(numbers.median), milliseconds(numbers.p99)];
    figures.forEach((text, i) => setText(cells[i], text));
    cells[1].classList.toggle("bad", numbers.failing);
  }

  showAnswers(picture) {
    byId("no-answers").hidden = picture.answers.length > 0;
    setText(byId("stray"), picture.stray ? `${whole.format(picture.stray)} in no lane` : "");
    if (picture.answers[0]?.number === this.newest) return;
    this.newest = picture.answers[0]?.number ?? 0;
    const items = picture.answers.map((answer) => {
      const index = this.index.get(answer.lane);
      const bad = answer.status >= 400 || answer.status === 0;
      return make(
        "li",
        { title: answer.text },
        index === undefined ? make("span") : swatch(index),
        make("span", { className: `status ${bad ? "bad" : ""}` }, answer.lane ? `${answer.lane} ${answer.status}` : `${answer.status}`),
        make("span", { className: "text" }, this.short(answer, bad)),
        make("span", { className: "time" }, milliseconds(answer.milliseconds)),
      );
    });
    byId("answers").replaceChildren(...items);
  }

  // Return an answer in a line: where it failed, or which versions it comes from.
  short({ hops, text }, bad) {
    if (bad || hops.length === 0) return text.split("-> ").pop();
    const shown = hops.filter((node) => !this.folded.has(node)).map((node) => node.replace("/", " "));
    return [...new Set(shown)].join(", ");
  }

  // Show at the map which pods are not ready and where lanes fail.
  showNow(picture) {
    const notes = picture.pods.filter((pod) => pod.state !== "ready").map((pod) => `${pod.name} is ${pod.state}`);
    for (const lane of picture.lanes) {
      const failing = lane.links.filter((link) => link.failing).map((link) => link.to?.replace("/", " ") ?? link.service);
      if (failing.length) notes.push(`lane ${lane.name} fails at ${[...new Set(failing)].join(", ")}`);
    }
    const text = notes.join("\n");
    if (text === this.notes) return;
    this.notes = text;
    byId("now").replaceChildren(...notes.map((note) => make("li", {}, note)));
  }

  // Announce lanes whose path changes to screen readers.
  tell(picture) {
    for (const lane of picture.lanes) {
      const route = hops(lane).join(", ");
      const before = this.routes.get(lane.name);
      this.routes.set(lane.name, route);
      if (before !== undefined && before !== route) setText(byId("told"), `Lane ${lane.name} now goes by ${route}`);
    }
  }
}
