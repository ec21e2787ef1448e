// The layout of the map: a pure function of the picture and the width of its place.
//
// Requests go from left to right, or from top to bottom if the place is narrow. From left to right,
// the nodes of one version share a row, so that a lane leaves its row where it falls back. A line
// that skips services goes along the edge of the map, and so crosses no name.

const NARROW = 720;
const GHOSTS = 5; // with more versions than these, missing ones get no place
export const SHARE = 100; // from one lane to the next at a gateway on top
const TRACK = 7; // from one lane to the next on the edge

export function layout(picture, width) {
  const plan = width < NARROW ? undefined : lying(picture, width);
  return plan && plan.width <= width ? plan : upright(picture, width);
}

// Return the column of each service, by how many hops it is behind the gateway.
function columns({ services }) {
  const depths = [...new Set(services.map(({ depth }) => depth))].sort((a, b) => a - b);
  return new Map(services.map(({ name, depth }) => [name, depths.indexOf(depth)]));
}

// Return the row of each service. A row holds one service.
function rows({ services }) {
  const sorted = [...services].sort((a, b) => a.depth - b.depth);
  return new Map(sorted.map(({ name }, row) => [name, row]));
}

// Return the width of the map's edge: room for a line of each lane, if any line skips services.
function edge({ lanes }, order) {
  const place = (node) => order.get(node.split("/")[0]) ?? -1;
  const passes = ({ from, to, service }) => place(to ?? service) - place(from) !== 1;
  return lanes.some(({ links }) => links.some(passes)) ? TRACK * (lanes.length + 1.5) : 0;
}

// Return a key of the layout: pictures with the same key have the same layout.
export const shape = (picture, width) =>
  JSON.stringify([width, picture.rows, picture.services, edge(picture, columns(picture)), edge(picture, rows(picture))]);

// Return the versions for which a service has a place: all, or its own if there are over `most`.
function places(picture, service, most) {
  const own = service.versions.map(({ version }) => version);
  return service.folds || picture.rows.length > most ? own : picture.rows;
}

function fill(plan, service, version, box) {
  const node = service.versions.find((own) => own.version === version)?.node;
  if (node) plan.nodes.set(node, { ...box, version });
  else plan.ghosts.set(`${service.name}/${version}`, { ...box, version });
}

function lying(picture, width) {
  const column = columns(picture);
  const count = Math.max(...column.values()) + 1;
  const top = edge(picture, column);
  const [margin, gateway, height, step, head] = [4, 124, 66, 84, 30];
  const least = 96;
  const nodeWidth = Math.max(120, Math.min(190, (width - gateway) / count - least));
  const gap = Math.max(64, (width - 2 * margin - gateway - count * nodeWidth) / count);
  const plan = { upright: false, edge: 0, gap, head, nodes: new Map(), ghosts: new Map(), services: [], depths: column };
  const filled = new Array(count).fill(top);
  for (const service of picture.services) {
    const at = column.get(service.name);
    const [x, y] = [margin + gateway + gap + at * (nodeWidth + gap), filled[at]];
    const own = places(picture, service, GHOSTS);
    plan.services.push({ name: service.name, x, y: y + 18, width: nodeWidth });
    own.forEach((version, row) =>
      fill(plan, service, version, { x, y: y + head + row * step, width: nodeWidth, height, column: at }),
    );
    filled[at] = y + head + own.length * step;
  }
  plan.width = margin * 2 + gateway + count * (nodeWidth + gap);
  plan.height = Math.max(...filled);
  const tall = Math.max(66 + 20 * picture.lanes.length, Math.min(plan.height - top - head - 18, 3 * step - 18));
  plan.gateway = { x: margin, y: top + head, width: gateway, height: tall, column: -1 };
  plan.height = Math.max(plan.height, plan.gateway.y + plan.gateway.height + 4);
  return plan;
}

function upright(picture, width) {
  const row = rows(picture);
  const most = Math.max(...picture.services.map((service) => places(picture, service, GHOSTS - 2).length));
  const aside = edge(picture, row);
  const [gap, height, head, below] = [8, 64, 26, 46];
  const inner = Math.max(width - aside - 4, most * (64 + gap) - gap);
  const nodeWidth = (inner + gap) / most - gap;
  const depths = columns(picture);
  const plan = { upright: true, edge: inner + 4, gap: below, head, nodes: new Map(), ghosts: new Map(), services: [], depths };
  plan.width = inner + aside + 4;
  plan.gateway = { x: 2, y: 2, width: inner, height: 58, column: -1 };
  for (const service of picture.services) {
    const y = plan.gateway.height + below + row.get(service.name) * (head + height + below);
    const own = places(picture, service, GHOSTS - 2);
    const across = own.length === 1 ? inner : nodeWidth;
    own.forEach((version, index) => {
      const x = 2 + index * (nodeWidth + gap);
      fill(plan, service, version, { x, y: y + head, width: across, height, column: row.get(service.name) });
    });
    plan.services.push({ name: service.name, x: 2, y: y + 16, width: across - reserved(picture.lanes.length, across) });
  }
  plan.height = plan.gateway.height + below + row.size * (head + height + below) - below + 4;
  return plan;
}

// Return the width that the lines of `count` lanes take at the right of a box.
const reserved = (count, width) => Math.min(11 * count + 8, width * 0.6);

// Return the width for text in a box, without the lines and `more` at its right.
export const written = (plan, box, count, more = 0) =>
  box.width - 20 - (plan.upright ? reserved(count, box.width) - 8 : more);

// Return where lane `index` of `count` enters a box, and where it leaves the box.
export function ports(plan, box, index, count) {
  const gateway = box === plan.gateway;
  if (plan.upright) {
    const space = gateway ? box.width * 0.92 : reserved(count, box.width);
    const x = box.x + box.width * (gateway ? 0.96 : 1) - space + spread(index, count, space, gateway ? SHARE : 11);
    return { in: { x, y: box.y }, out: { x, y: box.y + box.height } };
  }
  const top = gateway ? 58 : 34;
  const y = box.y + top + spread(index, count, box.height - top - 6, gateway ? 44 : 10);
  return { in: { x: box.x, y }, out: { x: box.x + box.width, y } };
}

function spread(index, count, space, most) {
  const step = Math.min(most, space / count);
  return (space - step * (count - 1)) / 2 + step * index;
}

// Return the path and the end of a line: lane `index` of `count` from one box into another, and to
// the far side of the other box if the lane `goesOn` from there.
export function line(plan, from, to, index, count, goesOn) {
  const { out } = ports(plan, from, index, count);
  const port = ports(plan, to, index, count);
  const end = goesOn ? port.out : { x: (port.in.x + port.out.x) / 2, y: (port.in.y + port.out.y) / 2 };
  const into = plan.upright ? { x: port.in.x, y: port.in.y - plan.head } : port.in;
  const passes = from !== to && to.column - from.column !== 1;
  const track = plan.edge + TRACK * (index + 1);
  const half = plan.gap / 2;
  const on = plan.upright ? { x: track, y: out.y + half } : { x: out.x + half, y: track };
  const off = plan.upright ? { x: track, y: into.y - half } : { x: into.x - half, y: track };
  const link = passes ? `${curve(plan, out, on)}L${off.x} ${off.y}${curve(plan, off, into)}` : curve(plan, out, into);
  return { d: `M${out.x} ${out.y}${link}L${port.in.x} ${port.in.y}L${end.x} ${end.y}`, end };
}

function curve(plan, a, b) {
  const bend = plan.upright ? (b.y - a.y) / 2 : (b.x - a.x) / 2;
  return plan.upright
    ? `C${a.x} ${a.y + bend} ${b.x} ${b.y - bend} ${b.x} ${b.y}`
    : `C${a.x + bend} ${a.y} ${b.x - bend} ${b.y} ${b.x} ${b.y}`;
}
