// Fold services that no lane changes: the map links their callers directly to what they call.

export const folding = (picture) => picture.services.filter(({ folds }) => folds);

// Return the names of the services where requests fail.
export const failingIn = (services, { nodes }) =>
  services.filter(({ versions }) => versions.some(({ node }) => nodes[node].failing)).map(({ name }) => name);

// Return the picture without the services that fold, with links between the others.
export function folded(picture) {
  const names = new Set(folding(picture).map(({ name }) => name));
  const nodes = new Set(folding(picture).flatMap(({ versions }) => versions.map(({ node }) => node)));
  const hidden = (link) => (link.to === null ? names.has(link.service) : nodes.has(link.to));
  return {
    ...picture,
    services: picture.services.filter(({ name }) => !names.has(name)),
    lanes: picture.lanes.map((lane) => ({ ...lane, links: bridged(lane.links, nodes, hidden) })),
  };
}

function bridged(links, nodes, hidden) {
  const found = new Map();
  for (const link of links.filter((link) => !hidden(link))) {
    for (const from of callers(link.from, links, nodes, new Set())) {
      const key = JSON.stringify([from, link.to ?? link.service]);
      const same = found.get(key) ?? { count: 0, failing: false };
      found.set(key, { ...link, from, count: same.count + link.count, failing: same.failing || link.failing });
    }
  }
  return [...found.values()];
}

// Return the node if it is shown, else the shown nodes whose requests reach it. `nodes` are hidden.
function callers(node, links, nodes, passed) {
  if (!nodes.has(node)) return [node];
  if (passed.has(node)) return [];
  passed.add(node);
  return links.filter(({ to }) => to === node).flatMap(({ from }) => callers(from, links, nodes, passed));
}
