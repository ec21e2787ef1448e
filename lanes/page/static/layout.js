// Where everything is on the map: a pure function of the picture and the width that there is.
//
// Requests go from left to right; on a narrow screen from top to bottom. A version's rooms are in
// one row (there: in one column), so that a lane leaves its row where it falls back.

const NARROW = 720;
const GHOSTS = 5; // with more versions than these, places of missing ones would only take room

export function layout(picture, width) {
  return width < NARROW ? upright(picture, width) : lying(picture, width);
}

// The versions for which a service has a place: all, or where these are many, its own.
function places(picture, service) {
  const own = service.versions.map(({ version }) => version);
  return picture.rows.length > GHOSTS ? own : picture.rows;
}

function fill(plan, service, version, box) {
  const room = service.versions.find((own) => own.version === version)?.room;
  if (room) plan.rooms.set(room, { ...box, version });
  else plan.ghosts.set(`${service.name}/${version}`, { ...box, version });
}

function lying(picture, width) {
  const depths = Math.max(...picture.services.map(({ depth }) => depth)) + 1;
  const [margin, gateway, height, step, head] = [4, 124, 66, 84, 30];
  const least = 96;
  const roomWidth = Math.max(120, Math.min(190, (width - gateway) / depths - least));
  const gap = Math.max(64, (width - 2 * margin - gateway - depths * roomWidth) / depths);
  const plan = { upright: false, rooms: new Map(), ghosts: new Map(), services: [] };
  const filled = new Array(depths).fill(0);
  for (const service of picture.services) {
    const x = margin + gateway + gap + service.depth * (roomWidth + gap);
    const y = filled[service.depth];
    plan.services.push({ name: service.name, x, y: y + 18 });
    places(picture, service).forEach((version, row) =>
      fill(plan, service, version, { x, y: y + head + row * step, width: roomWidth, height }),
    );
    filled[service.depth] = y + head + places(picture, service).length * step;
  }
  plan.width = Math.max(width, margin * 2 + gateway + depths * (roomWidth + gap));
  plan.height = Math.max(...filled);
  plan.gateway = { x: margin, y: head, width: gateway, height: Math.max(66 + 20 * picture.lanes.length, Math.min(plan.height - head - 18, 3 * step - 18)) };
  plan.height = Math.max(plan.height, plan.gateway.y + plan.gateway.height + 4);
  return plan;
}

function upright(picture, width) {
  const columns = Math.max(...picture.services.map((service) => places(picture, service).length));
  const [gap, height, head, below] = [8, 64, 26, 46];
  const roomWidth = Math.max(84, (width - gap * (columns - 1) - 4) / columns);
  const plan = { upright: true, rooms: new Map(), ghosts: new Map(), services: [] };
  plan.width = Math.max(width, columns * (roomWidth + gap) - gap + 4);
  plan.gateway = { x: 2, y: 2, width: plan.width - 4, height: 58 };
  let y = plan.gateway.height + below;
  for (const service of [...picture.services].sort((a, b) => a.depth - b.depth)) {
    plan.services.push({ name: service.name, x: 2, y: y + 16 });
    places(picture, service).forEach((version, column) =>
      fill(plan, service, version, { x: 2 + column * (roomWidth + gap), y: y + head, width: roomWidth, height }),
    );
    y += head + height + below;
  }
  plan.height = y - below + 4;
  return plan;
}

// Where lane `index` of `count` comes into a box, and where it leaves it.
export function ports(plan, box, index, count) {
  if (plan.upright) {
    const gateway = box === plan.gateway;
    const from = gateway ? 0.04 : 0.42;
    const x = box.x + box.width * from + spread(index, count, box.width * (0.96 - from), gateway ? 64 : 11);
    return { in: { x, y: box.y }, out: { x, y: box.y + box.height } };
  }
  const gateway = box === plan.gateway;
  const top = gateway ? 58 : 34;
  const y = box.y + top + spread(index, count, box.height - top - 6, gateway ? 44 : 10);
  return { in: { x: box.x, y }, out: { x: box.x + box.width, y } };
}

function spread(index, count, space, most) {
  const step = Math.min(most, space / count);
  return (space - step * (count - 1)) / 2 + step * index;
}

// A lane's line from one box into another; on to the far side where it goes on from there.
export function line(plan, from, to, goesOn) {
  const [a, b] = [from.out, to.in];
  const end = goesOn ? to.out : { x: (to.in.x + to.out.x) / 2, y: (to.in.y + to.out.y) / 2 };
  const bend = plan.upright ? (b.y - a.y) / 2 : (b.x - a.x) / 2;
  const curve = plan.upright
    ? `C${a.x} ${a.y + bend} ${b.x} ${b.y - bend} ${b.x} ${b.y}`
    : `C${a.x + bend} ${a.y} ${b.x - bend} ${b.y} ${b.x} ${b.y}`;
  return `M${a.x} ${a.y}${curve}L${end.x} ${end.y}`;
}
