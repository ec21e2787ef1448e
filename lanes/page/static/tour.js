// The tour: the steps of "Showing it to an audience" in docs/live-map.md.
import { setText } from "./shapes.js";

const byId = (id) => document.getElementById(id);
const words = (node) => node.replace("/", " ");

// Return a lane that falls back somewhere, and the last service with a pod of its own: the only one
// of its version, at a service that has other versions too.
export function subject({ lanes, services, pods }) {
  for (const { name, links } of lanes) {
    const fallback = links.findLast(({ why }) => why === "fallback");
    for (const { to: node, why, service } of links.toReversed()) {
      const own = pods.filter((pod) => pod.node === node);
      const beside = services.find((one) => one.name === service)?.versions.length > 1;
      if (fallback && why === "match" && beside && own.length === 1) return { lane: name, fallback, node, service, pod: own[0] };
    }
  }
  return undefined;
}

// Return the steps. Each has its text for a picture (`say`), its action (`act`), whether the next
// step may follow (`done`), and what the next step undoes first (`undo`).
function steps({ lane, fallback, node, service, pod }, change, one) {
  const by = (name) => () => change("/pods", { pod: pod.key, do: name });
  const fault = (delay, rate) => () => change("/fault", { pod: pod.key, delay, rate });
  const found = ({ lanes }) => lanes.find(({ name }) => name === lane);
  let weights;
  return [
    {
      say: () => "Requests go to the gateway, 20 a second. Each keeps its lane at every hop, and no service has code for that.",
      act: () => change("/load", { on: true, rate: 20 }),
    },
    {
      say: () => `This is lane ${lane} by itself. ${fallback.service} has no version of it, so the dotted part falls back to ${words(fallback.to)}. At ${service} the lane has its own version.`,
      act: () => one.choose(lane),
      undo: () => one.choose(undefined),
    },
    {
      say: (picture) => {
        const now = found(picture).links.filter((link) => link.service === service).map(({ to }) => to);
        const then = now.includes(null)
          ? `This mesh has no fallback for it: nobody answers lane ${lane} there.`
          : now.includes(node) ? "" : `The line bends to ${words(now[0])}, and on the lane's card "failed" stays as it was.`;
        return `${pod.name} stops, the only pod of lane ${lane} at ${service}. ${then}`;
      },
      act: by("stop"),
      undo: by("start"),
    },
    {
      say: () => `${pod.name} starts again. When it is ready, the line bends back: a lane heals by itself.`,
      done: ({ pods }) => pods.find(({ key }) => key === pod.key).state === "ready",
    },
    {
      say: () => `${pod.name} answers 30 ms late and fails 20% of its requests. The map marks it, and none of its callers. The last answers say what failed.`,
      act: fault("30", 0.2),
      undo: fault(pod.fault.delay, pod.fault.rate),
    },
    {
      say: (picture) => {
        if (weights) return `The weight of lane ${lane} is 0: it gets no more requests, and no pod restarted for that.`;
        const [entry] = found(picture).enter;
        const enter = entry ? `Requests enter it with ${entry.rule}. Copy the command on its card, and run it in a terminal.` : "";
        return `No weight leads to lane ${lane}. ${enter}`;
      },
      act: ({ movable, lanes }) => {
        if (!movable || !found({ lanes }).weight) return;
        weights = Object.fromEntries(lanes.map(({ name, weight }) => [name, weight]));
        change("/weights", { weights: { ...weights, [lane]: 0 } });
      },
      undo: () => weights && change("/weights", { weights }),
    },
  ];
}

export class Tour {
  constructor(change, one) {
    this.change = change;
    byId("tour-begin").addEventListener("click", () => this.begin(steps(subject(this.picture), change, one)));
    byId("tour-next").addEventListener("click", () => this.done() && this.go(this.at + 1));
    byId("tour-end").addEventListener("click", () => this.go(this.steps.length));
  }

  show(picture) {
    this.picture = picture;
    if (!this.steps) {
      byId("tour-begin").hidden = subject(picture) === undefined;
      return;
    }
    setText(byId("tour-text"), this.steps[this.at].say(picture));
    byId("tour-next").setAttribute("aria-disabled", !this.done());
  }

  done() {
    return this.steps[this.at].done?.(this.picture) ?? true;
  }

  begin(steps) {
    this.steps = steps;
    this.load = this.picture.load;
    byId("tour-begin").hidden = true;
    byId("tour").hidden = false;
    byId("tour-next").focus();
    this.go(0);
  }

  go(to) {
    const { steps } = this;
    steps[this.at]?.undo?.();
    this.at = to;
    if (to === steps.length) return this.end();
    steps[to].act?.(this.picture);
    setText(byId("tour-step"), `Step ${to + 1} of ${steps.length}`);
    byId("tour-next").hidden = to === steps.length - 1;
    if (to === steps.length - 1) byId("tour-end").focus();
    this.show(this.picture);
  }

  end() {
    this.change("/load", this.load);
    this.steps = this.at = undefined;
    byId("tour").hidden = true;
    byId("tour-begin").hidden = false;
    byId("tour-begin").focus();
  }
}
