// The picture: routers at the left, bridges in the middle, hosts at the right; lines for links and bindings.

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 1060;
const CARD = { Router: { x: 20, width: 220 }, Bridge: { x: 410, width: 240 }, Host: { x: 820, width: 220 } };
const TOP = 44;
const GAP = 18;
const MARKS_IN_ROW = 18;
const MARK = 8;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const many = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

/** The picture as an element. `href` gives the address of what a card stands for. */
export function draw(answer, href) {
  const bridges = stacked(answer.bridges.map((row) => ({ row, height: heightOfBridge(row) })));
  const middle = Math.max(...bridges.map((card) => card.y + card.height), TOP + 120);
  const routers = spread(answer.routers.map((row) => ({ row, height: 70 })), (row) => level(answer.links, row.id, bridges), middle);
  const hosts = spread(answer.hosts.map((row) => ({ row, height: 62 })), (row) => level(bindingEnds(answer), row.id, bridges), middle);
  const cards = new Map([...bridges, ...routers, ...hosts].map((card) => [card.row.id, card]));
  const height = Math.max(...[...cards.values()].map((card) => card.y + card.height), TOP + 60) + GAP;
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": "Picture of the topology" });
  drawing.append(...columns(), ...answer.links.map((link) => linkLine(link, cards)), ...answer.bindings.map((one) => bindingLine(one, cards)));
  for (const card of cards.values()) drawing.append(cardOf(card, href(card.row)));
  const whole = document.createElement("div");
  whole.className = "picture";
  const frame = document.createElement("div");
  frame.className = "scroll";
  frame.append(drawing);
  whole.append(frame, legend());
  return whole;
}

// --- where things are

function heightOfBridge(row) {
  return 58 + Math.ceil(row.marks.length / MARKS_IN_ROW) * (MARK + 4);
}

function stacked(cards) {
  let y = TOP;
  for (const card of cards) {
    card.y = y;
    y += card.height + GAP;
  }
  return cards;
}

/** Cards as near as they can be to where they are wanted, without overlapping. */
function spread(cards, wanted, end) {
  for (const card of cards) card.wanted = wanted(card.row) ?? end / 2;
  cards.sort((one, other) => one.wanted - other.wanted);
  let free = TOP;
  for (const card of cards) {
    card.y = Math.max(free, card.wanted - card.height / 2);
    free = card.y + card.height + GAP;
  }
  return cards;
}

/** The mean height of the bridges that something is connected to. */
function level(links, id, bridges) {
  const near = new Set(links.filter((link) => link.ends.includes(id)).flatMap((link) => link.ends));
  const heights = bridges.filter((card) => near.has(card.row.id)).map((card) => card.y + card.height / 2);
  return heights.length ? heights.reduce((sum, y) => sum + y, 0) / heights.length : undefined;
}

const bindingEnds = (answer) => answer.bindings.map((one) => ({ ends: [one.device, one.host] }));

// --- lines

function curve(from, to, attributes) {
  const left = { x: CARD[from.row.kind].x + CARD[from.row.kind].width, y: from.y + from.height / 2 };
  const right = { x: CARD[to.row.kind].x, y: to.y + to.height / 2 };
  const bend = (right.x - left.x) / 2;
  const path = `M${left.x} ${left.y} C${left.x + bend} ${left.y} ${right.x - bend} ${right.y} ${right.x} ${right.y}`;
  return svg("path", { d: path, ...attributes });
}

/** A link between two of the same column runs outside of it. */
function arc(one, other) {
  const card = CARD[one.row.kind];
  const [x, out] = one.row.kind === "Router" ? [card.x, -16] : [card.x + card.width, 40];
  const [from, to] = [one, other].map((end) => end.y + end.height / 2);
  return svg("path", { d: `M${x} ${from} C${x + out} ${from} ${x + out} ${to} ${x} ${to}` });
}

function linkLine(link, cards) {
  const [one, other] = link.ends.map((id) => cards.get(id));
  if (one.row.kind === other.row.kind) return arc(one, other);
  const [router, bridge] = one.row.kind === "Router" ? [one, other] : [other, one];
  const y = bridge.y + bridge.height / 2;
  const isBelow = y > router.y + router.height / 2 + 1; // the line comes from above then
  const text = { x: CARD.Bridge.x - 8, y: y + (isBelow ? 16 : -7), "text-anchor": "end", class: "small" };
  return svg("g", {}, curve(router, bridge, {}), svg("text", text, link.addresses.map((address) => short(address, 22)).join(" ")));
}

function bindingLine(binding, cards) {
  const [device, host] = [cards.get(binding.device), cards.get(binding.host)];
  const start = CARD[device.row.kind].x + CARD[device.row.kind].width;
  const text = { x: start + 8, y: device.y + device.height / 2 - 7, class: "small" };
  return svg("g", {}, curve(device, host, { class: "binding" }), svg("text", text, many(binding.ports, "port")));
}

// --- cards

function cardOf({ row, y, height }, href) {
  const { x, width } = CARD[row.kind];
  const name = row.name || row.id;
  const lines = { Router: linesOfRouter, Bridge: linesOfBridge, Host: linesOfHost }[row.kind](row);
  const stripe = `stripe ${row.kind}${row.kind === "Host" && !row.alive ? " gone" : ""}`;
  const card = svg(
    "a",
    { href, "aria-label": [`${row.kind} ${name}`, ...lines].join(", ") },
    svg("title", {}, `${row.kind} ${name}`),
    svg("rect", { class: "card", x, y, width, height, rx: 8 }),
    svg("rect", { class: stripe, x, y: y + 8, width: 5, height: height - 16, rx: 2 }),
    svg("text", { class: "name", x: x + 18, y: y + 25 }, short(name, 26)),
    svg("text", { class: "small", x: x + 18, y: y + 44 }, short(lines.join(" · "), 36)),
  );
  (row.marks || []).forEach((mark, number) => {
    const [column, line] = [number % MARKS_IN_ROW, Math.floor(number / MARKS_IN_ROW)];
    card.append(markOf(mark, x + 18 + column * (MARK + 4), y + 54 + line * (MARK + 4)));
  });
  return card;
}

const isDown = (row) => (row.up ? [] : ["down"]);
const linesOfRouter = (row) => [many(row.ports, "port"), many(row.routes, "route"), ...isDown(row)];
const linesOfHost = (row) => [row.alive ? "alive" : "silent", ...row.addresses.slice(0, 1)];

function linesOfBridge(row) {
  const undrawn = row.ports - row.marks.length;
  return [...(row.origin ? [row.origin.kind] : []), many(row.ports, "port") + (undrawn > 0 ? ` (${undrawn} not drawn)` : ""), ...isDown(row)];
}

const markOf = (kind, x, y) => svg("rect", { class: `mark ${kind}`, x, y, width: MARK, height: MARK, rx: 1.5 });

function columns() {
  const titles = { Router: "Routers", Bridge: "Bridges and their ports", Host: "Hosts" };
  return Object.entries(titles).map(([kind, text]) => svg("text", { class: "column", x: CARD[kind].x, y: 26 }, text));
}

function legend() {
  const meanings = { bound: "bound to a host that is alive", silent: "bound to a silent host", linked: "linked to a router or bridge", free: "connected to nothing" };
  const list = document.createElement("ul");
  list.className = "legend";
  for (const [kind, words] of Object.entries(meanings)) {
    const item = document.createElement("li");
    item.append(svg("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, markOf(kind, 1, 1)), `port ${words}`);
    list.append(item);
  }
  return list;
}
