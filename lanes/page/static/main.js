// The page: it gets pictures as server-sent events, and sends requests for changes by POST.
import { failingIn, folded, folding } from "./fold.js";
import { LaneMap } from "./map.js";
import { OneLane } from "./one.js";
import { Panels } from "./panels.js";
import { setText } from "./shapes.js";
import { Tour } from "./tour.js";

const byId = (id) => document.getElementById(id);

async function change(path, body) {
  byId("refused").hidden = true;
  let message = "the mesh does not answer; is it still running?";
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (response.ok) return true;
    message = (await response.text()).trim();
  } catch {
    // The message above stays.
  }
  byId("refused").textContent = message;
  byId("refused").hidden = false;
  setTimeout(() => (byId("refused").hidden = true), 8000);
  return false;
}

const map = new LaneMap(byId("map"));
const panels = new Panels(change);
const one = new OneLane(byId("one"), map);
const tour = new Tour(change, one);

const on = byId("load-on");
const rate = byId("load-rate");
// While the server handles a switch, pictures still show the state before and must not reset it.
let pending = 0;
async function load() {
  pending += 1;
  await change("/load", { on: on.checked, rate: Number(rate.value) });
  pending -= 1;
}
on.addEventListener("change", load);
rate.addEventListener("change", load);
byId("load").addEventListener("submit", (event) => event.preventDefault());

function about(picture) {
  const link = document.createElement("a");
  link.href = link.textContent = picture.gateway;
  const host = picture.host ? ` (Host: ${picture.host})` : "";
  byId("about").replaceChildren("gateway ", link, `${host} · ${picture.provider}`);
  for (const value of picture.rates) {
    const option = new Option(value, value);
    option.defaultSelected = value === picture.load.rate;
    rate.add(option);
  }
}

// Each of these buttons opens and closes folded services on the whole page.
const folds = [...document.querySelectorAll(".fold")];
let open = false;
let latest;
for (const button of folds) {
  button.addEventListener("click", () => {
    open = !open;
    show(latest);
  });
}

function show(picture) {
  latest = picture;
  const names = folding(picture).map(({ name }) => name);
  const failing = open ? [] : failingIn(folding(picture), picture);
  for (const button of folds) {
    button.hidden = names.length === 0;
    button.title = names.join(", ");
    button.classList.toggle("bad", failing.length > 0);
    button.setAttribute("aria-expanded", open);
    setText(button, [`${names.length} services unchanged`, ...failing.map((name) => `${name} fails`)].join(", "));
  }
  const shown = open ? picture : folded(picture);
  map.show(shown);
  one.show(picture);
  tour.show(shown);
  panels.show(picture, shown);
}

let first = true;
const events = new EventSource("/events");
events.addEventListener("message", (event) => {
  if (!event.data) return;
  const picture = JSON.parse(event.data);
  if (first) about(picture);
  first = false;
  document.body.classList.remove("lost");
  if (!pending) on.checked = picture.load.on;
  if (!pending && document.activeElement !== rate) rate.value = picture.load.rate;
  show(picture);
});
events.addEventListener("error", () => {
  document.body.classList.add("lost");
  byId("about").textContent = "the mesh has ended, or does not answer";
  first = true;
  rate.replaceChildren();
});
