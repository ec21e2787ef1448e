// Services that no lane changes fold into one line. What calls them then leads to what they call.

export const folding = (picture) => picture.services.filter(({ folds }) => folds);

// Those of the services where requests fail.
export const failingIn = (services, { rooms }) =>
  services.filter(({ versions }) => versions.some(({ room }) => rooms[room].failing)).map(({ name }) => name);

// The picture without the services that fold, and the ways that are left.
export function folded(picture) {
  const names = new Set(folding(picture).map(({ name }) => name));
  const rooms = new Set(folding(picture).flatMap(({ versions }) => versions.map(({ room }) => room)));
  const gone = (way) => (way.to === null ? names.has(way.service) : rooms.has(way.to));
  return {
    ...picture,
    services: picture.services.filter(({ name }) => !names.has(name)),
    lanes: picture.lanes.map((lane) => ({ ...lane, ways: bridged(lane.ways, rooms, gone) })),
  };
}

function bridged(ways, rooms, gone) {
  const found = new Map();
  for (const way of ways.filter((way) => !gone(way))) {
    for (const from of callers(way.from, ways, rooms, new Set())) {
      const key = JSON.stringify([from, way.to ?? way.service]);
      const same = found.get(key) ?? { count: 0, failing: false };
      found.set(key, { ...way, from, count: same.count + way.count, failing: same.failing || way.failing });
    }
  }
  return [...found.values()];
}

// A room that is shown, or those from which requests come to one that is not.
function callers(room, ways, rooms, passed) {
  if (!rooms.has(room)) return [room];
  if (passed.has(room)) return [];
  passed.add(room);
  return ways.filter(({ to }) => to === room).flatMap(({ from }) => callers(from, ways, rooms, passed));
}
