// The map: services in the order of calls, versions as nodes, lanes as lines, requests as dots.
import { SHARE, layout, line, ports, shape, written } from "./layout.js";
import { hops } from "./panels.js";
import { laneClass, laneShape, milliseconds, setText, svg, whole, write } from "./shapes.js";
import { Traffic } from "./traffic.js";

const FIGURES = 76; // the width of a node's count and time

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
    this.fillNodes(picture);
    this.drawLanes(picture);
    const told = picture.lanes.map((lane) => `Lane ${lane.name}: ${hops(lane).join(", ")}.`);
    setText(this.title, `Gateway, then ${picture.services.map(({ name }) => name).join(", ")}. ${told.join(" ")}`);
  }

  // Highlight this lane; undefined: all lanes.
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
    for (const [name, box] of plan.nodes) this.drawNode(name, box, count);
    this.place.parentElement.classList.toggle("watched", plan.height < innerHeight / 2);
    this.traffic.clear(plan);
  }

  // Make the text of a lane's share, at the start of its line.
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

  drawNode(name, box, count) {
    const { x, y, width, height, version } = box;
    const { upright } = this.plan;
    const rect = svg("rect", { x, y, width, height, rx: 10, class: "node" });
    const text = svg("text", { x: x + 12, y: y + 22, class: "version" });
    const right = { x: x + width - 10, y: y + 22, "text-anchor": "end", class: "faint" };
    const left = { x: x + 12, y: y + 40, class: "faint" };
    const figures = svg("text", upright ? left : right);
    this.texts.set(name, { rect, figures });
    this.back.append(rect, text, figures);
    write(text, version, written(this.plan, box, count, FIGURES));
  }

  fillNodes(picture) {
    const total = picture.lanes.reduce((sum, lane) => sum + lane.requests, 0);
    setText(this.gatewayCount, `${whole.format(total)} requests`);
    picture.lanes.forEach(({ name, share }, index) => {
      write(this.shares[index], share === null ? name : `${name} ${Math.round(share * 100)} %`, this.shareWidth);
    });
    const ready = new Set(picture.pods.filter((pod) => pod.state === "ready").map((pod) => pod.node));
    for (const [name, { rect, figures }] of this.texts) {
      const numbers = picture.nodes[name];
      const time = this.plan.upright || numbers.median === null ? "" : ` · ${milliseconds(numbers.median)}`;
      const bad = !ready.has(name) ? "away" : numbers.failing ? "failing" : "";
      setText(figures, bad || whole.format(numbers.requests) + time);
      figures.classList.toggle("bad", bad !== "");
      rect.classList.toggle("away", !ready.has(name));
      rect.classList.toggle("failing", numbers.failing);
    }
  }

  // Draw a line for each link of each lane, and remove lines without a link.
  drawLanes(picture) {
    const wanted = new Set();
    picture.lanes.forEach((lane, index) => {
      for (const link of lane.links.filter((link) => this.isShown(link))) {
        const key = `${lane.name} ${link.from} ${link.to ?? link.service}`;
        wanted.add(key);
        if (!this.drawn.has(key)) this.drawn.set(key, this.drawLink(link, lane, index, picture));
        const { group, path, seen } = this.drawn.get(key);
        path.classList.toggle("fallback", link.why === "fallback");
        path.classList.toggle("planned", !link.seen);
        path.classList.toggle("failing", link.failing);
        const before = seen.count ?? link.count;
        seen.count = link.count;
        if (link.count > before) {
          const depth = this.plan.depths.get(link.service) ?? 0;
          this.traffic.send(path, index, link.count - before, depth, link.failing);
        }
        group.dataset.seen = link.seen;
        group.classList.toggle("dim", (this.one ?? lane.name) !== lane.name);
      }
    });
    for (const [key, { group }] of this.drawn) {
      if (wanted.has(key)) continue;
      group.remove();
      this.drawn.delete(key);
    }
  }

  // Pods outside of all planned paths have no node, and may still call others.
  isShown({ from, to }) {
    const { nodes } = this.plan;
    return (from === "gateway" || nodes.has(from)) && (to === null || nodes.has(to));
  }

  drawLink(link, lane, index, picture) {
    const { plan } = this;
    const count = picture.lanes.length;
    const from = link.from === "gateway" ? plan.gateway : plan.nodes.get(link.from);
    const to = link.to === null ? this.nowhere(link.service, lane.name) : plan.nodes.get(link.to);
    const goesOn = link.to !== null && lane.links.some((other) => other.from === link.to);
    const { d, end } = line(plan, from, to, index, count, goesOn);
    const path = svg("path", { d, class: "line" });
    const group = svg("g", { class: laneClass(index) }, svg("path", { d, class: "halo" }), path);
    group.dataset.shows = lane.name;
    group.dataset.link = `${lane.name}: ${link.from} > ${link.to ?? link.service}`;
    if (!goesOn) {
      const at = `translate(${end.x} ${end.y})`;
      const mark = link.to === null
        ? svg("path", { d: "M-7-7L7 7M-7 7L7-7", class: "cross", transform: at })
        : svg("path", { d: laneShape(index), class: "end", transform: at });
      group.append(mark);
    }
    this.lines.append(group);
    return { group, path, seen: {} };
  }

  // Return where a lane ends that nobody answers: the place of its own version.
  nowhere(service, lane) {
    const own = `${service}/${lane}`;
    const { nodes, ghosts } = this.plan;
    const any = [...nodes].find(([name]) => name.startsWith(`${service}/`))?.[1];
    return nodes.get(own) ?? ghosts.get(own) ?? any ?? this.plan.gateway;
  }
}
