// The map: services in the order of the chain, versions as rooms, lanes as lines, requests as dots.
import { SHARE, layout, line, ports, shape, written } from "./layout.js";
import { hops } from "./panels.js";
import { laneClass, laneShape, milliseconds, setText, svg, whole, write } from "./shapes.js";
import { Traffic } from "./traffic.js";

const FIGURES = 76; // the width of a room's count and time

export class LaneMap {
  constructor(place) {
    this.place = place;
    this.svg = svg("svg", { role: "img", "aria-labelledby": "map-told" });
    this.title = svg("title", { id: "map-told" });
    this.back = svg("g");
    this.lines = svg("g");
    this.front = svg("g");
    this.svg.append(this.title, this.back, this.lines, this.front);
    place.append(this.svg);
    this.traffic = new Traffic(place);
    new ResizeObserver(() => this.picture && this.show(this.picture)).observe(place);
  }

  show(picture) {
    this.picture = picture;
    const built = shape(picture, this.place.clientWidth);
    if (built !== this.built) {
      this.built = built;
      this.build(picture);
    }
    this.fillRooms(picture);
    this.drawLanes(picture);
    const told = picture.lanes.map((lane) => `Lane ${lane.name}: ${hops(lane).join(", ")}.`);
    setText(this.title, `Gateway, then ${picture.services.map(({ name }) => name).join(", ")}. ${told.join(" ")}`);
  }

  // Only this lane stands out; undefined: all do.
  showOne(lane) {
    if (lane === this.one) return;
    this.one = lane;
    this.drawLanes(this.picture);
  }

  build(picture) {
    const plan = layout(picture, this.place.clientWidth);
    this.plan = plan;
    this.texts = new Map();
    this.drawn = new Map();
    this.lines.replaceChildren();
    this.svg.setAttribute("width", plan.width);
    this.svg.setAttribute("height", plan.height);
    const { gateway } = plan;
    const label = plan.upright
      ? { name: [gateway.x + 14, gateway.y + 23], count: [gateway.x + 84, gateway.y + 23] }
      : { name: [gateway.x + 14, gateway.y + 27], count: [gateway.x + 14, gateway.y + 45] };
    this.gatewayCount = svg("text", { x: label.count[0], y: label.count[1], class: "gateway-count" });
    this.back.replaceChildren(
      svg("rect", { ...gateway, rx: 12, class: "gateway" }),
      svg("text", { x: label.name[0], y: label.name[1], class: "gateway-name" }, "gateway"),
      this.gatewayCount,
    );
    this.front.replaceChildren();
    this.shareWidth = plan.upright ? Math.min(SHARE, (gateway.width * 0.92) / picture.lanes.length) - 4 : gateway.width - 24;
    this.shares = picture.lanes.map((_, index) => this.share(index, picture.lanes.length));
    this.front.append(...this.shares);
    for (const { name, x, y, width } of plan.services) {
      const text = svg("text", { x, y, class: "service" });
      this.back.append(text);
      write(text, name, width);
    }
    const count = picture.lanes.length;
    for (const box of plan.ghosts.values()) this.drawGhost(box, count);
    for (const [name, box] of plan.rooms) this.drawRoom(name, box, count);
    this.place.parentElement.classList.toggle("watched", plan.height < innerHeight / 2);
    this.traffic.clear(plan);
  }

  // What the gateway gives to a lane, told where its line begins.
  share(index, count) {
    const { out } = ports(this.plan, this.plan.gateway, index, count);
    const place = this.plan.upright
      ? { x: out.x, y: out.y - 10, "text-anchor": "middle" }
      : { x: out.x - 12, y: out.y + 5, "text-anchor": "end" };
    return svg("text", { ...place, class: "gateway-share" });
  }

  drawGhost(box, count) {
    const { x, y, width, height, version } = box;
    const text = svg("text", { x: x + 12, y: y + 23, class: "faint" });
    this.back.append(svg("rect", { x, y, width, height, rx: 10, class: "ghost" }), text);
    write(text, `no ${version}`, written(this.plan, box, count));
  }

  drawRoom(name, box, count) {
    const { x, y, width, height, version } = box;
    const { upright } = this.plan;
    const rect = svg("rect", { x, y, width, height, rx: 10, class: "room" });
    const text = svg("text", { x: x + 12, y: y + 22, class: "version" });
    const right = { x: x + width - 10, y: y + 22, "text-anchor": "end", class: "faint" };
    const left = { x: x + 12, y: y + 40, class: "faint" };
    const figures = svg("text", upright ? left : right);
    this.texts.set(name, { rect, figures });
    this.back.append(rect, text, figures);
    write(text, version, written(this.plan, box, count, FIGURES));
  }

  fillRooms(picture) {
    const total = picture.lanes.reduce((sum, lane) => sum + lane.requests, 0);
    setText(this.gatewayCount, `${whole.format(total)} requests`);
    picture.lanes.forEach(({ name, share }, index) => {
      write(this.shares[index], share === null ? name : `${name} ${Math.round(share * 100)} %`, this.shareWidth);
    });
    const ready = new Set(picture.pods.filter((pod) => pod.state === "ready").map((pod) => pod.room));
    for (const [name, { rect, figures }] of this.texts) {
      const numbers = picture.rooms[name];
      const time = this.plan.upright || numbers.median === null ? "" : ` · ${milliseconds(numbers.median)}`;
      const bad = !ready.has(name) ? "away" : numbers.failing ? "failing" : "";
      setText(figures, bad || whole.format(numbers.requests) + time);
      figures.classList.toggle("bad", bad !== "");
      rect.classList.toggle("away", !ready.has(name));
      rect.classList.toggle("failing", numbers.failing);
    }
  }

  // One line for each way of each lane; those that are no longer taken go.
  drawLanes(picture) {
    const wanted = new Set();
    picture.lanes.forEach((lane, index) => {
      for (const way of lane.ways.filter((way) => this.isShown(way))) {
        const key = `${lane.name} ${way.from} ${way.to ?? way.service}`;
        wanted.add(key);
        if (!this.drawn.has(key)) this.drawn.set(key, this.drawWay(way, lane, index, picture));
        const { group, path, seen } = this.drawn.get(key);
        path.classList.toggle("fallback", way.why === "fallback");
        path.classList.toggle("planned", !way.seen);
        path.classList.toggle("failing", way.failing);
        const before = seen.count ?? way.count;
        seen.count = way.count;
        if (way.count > before) {
          const depth = this.plan.depths.get(way.service) ?? 0;
          this.traffic.send(path, index, way.count - before, depth, way.failing);
        }
        group.dataset.seen = way.seen;
        group.classList.toggle("dim", (this.one ?? lane.name) !== lane.name);
      }
    });
    for (const [key, { group }] of this.drawn) {
      if (wanted.has(key)) continue;
      group.remove();
      this.drawn.delete(key);
    }
  }

  // A pod that no planned request meets has no room here, and may call others all the same.
  isShown({ from, to }) {
    const { rooms } = this.plan;
    return (from === "gateway" || rooms.has(from)) && (to === null || rooms.has(to));
  }

  drawWay(way, lane, index, picture) {
    const { plan } = this;
    const count = picture.lanes.length;
    const from = way.from === "gateway" ? plan.gateway : plan.rooms.get(way.from);
    const to = way.to === null ? this.nowhere(way.service, lane.name) : plan.rooms.get(way.to);
    const goesOn = way.to !== null && lane.ways.some((other) => other.from === way.to);
    const { d, end } = line(plan, from, to, index, count, goesOn);
    const path = svg("path", { d, class: "line" });
    const group = svg("g", { class: laneClass(index) }, svg("path", { d, class: "halo" }), path);
    group.dataset.shows = lane.name;
    group.dataset.way = `${lane.name}: ${way.from} > ${way.to ?? way.service}`;
    if (!goesOn) {
      const at = `translate(${end.x} ${end.y})`;
      const mark = way.to === null
        ? svg("path", { d: "M-7-7L7 7M-7 7L7-7", class: "cross", transform: at })
        : svg("path", { d: laneShape(index), class: "end", transform: at });
      group.append(mark);
    }
    this.lines.append(group);
    return { group, path, seen: {} };
  }

  // Where a lane ends that nobody answers: at the place of its own version.
  nowhere(service, lane) {
    const own = `${service}/${lane}`;
    const { rooms, ghosts } = this.plan;
    const any = [...rooms].find(([name]) => name.startsWith(`${service}/`))?.[1];
    return rooms.get(own) ?? ghosts.get(own) ?? any ?? this.plan.gateway;
  }
}
