// The views: each asks for some rows and makes a title, a hint for the search, and elements of them.
import { draw } from "./picture.js";

const ROWS = 50;
const DRAWN = 12; // bridges in one picture

// --- small parts. Text comes into the document as text only, never as HTML.

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

export const plain = (number) => number.toLocaleString("en");

/** The address of a place: #/view/id?search=…&offset=… */
export function address({ view, id = "", search = "", offset = 0 }) {
  const asked = new URLSearchParams();
  if (search) asked.set("search", search);
  if (offset) asked.set("offset", offset);
  const query = asked.toString();
  return `#/${view}${id && `/${id}`}${query && `?${query}`}`;
}

const VIEW_OF = { Router: "routers", Bridge: "bridges", Host: "hosts", Chain: "chains" };

function named(row) {
  if (!row || !row.id) return null;
  const text = row.name || row.id;
  return row.kind in VIEW_OF ? el("a", { href: address({ view: VIEW_OF[row.kind], id: row.id }) }, text) : text;
}

function origin(from) {
  if (!from) return null;
  const part = from.part ? ` ${from.part}` : "";
  const search = from.kind === "Node" ? from.key : from.part ? `${from.key}/${from.part}` : from.key;
  return el("a", { class: "origin", href: address({ view: "chains", search }) }, el("b", {}, from.kind), ` ${from.key}${part}`);
}

const liveness = (host) => el("span", { class: host.alive ? "alive" : "silent" }, host.alive ? "alive" : "silent");
const upDown = (row) => (row.up ? "up" : "down");
const code = (text) => el("code", {}, text);
const filters = ([inbound, outbound]) => [
  inbound && el("div", {}, "in ", named(inbound)),
  outbound && el("div", {}, "out ", named(outbound)),
];

function table(caption, columns, rows) {
  const head = columns.map(([title, , kind]) => el("th", { scope: "col", class: kind }, title));
  const body = rows.map((row) => el("tr", {}, columns.map(([, cell, kind]) => el("td", { class: kind }, cell(row)))));
  const whole = el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, body));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, whole);
}

function pages(answer, here, size) {
  const last = Math.min(answer.offset + size, answer.total);
  const text = answer.total ? `${plain(Math.min(answer.offset + 1, last))} to ${plain(last)} of ${plain(answer.total)}` : "none";
  const to = (offset, words) => el("a", { href: address({ ...here, offset }) }, words);
  return el(
    "nav",
    { class: "pages", "aria-label": "Pages" },
    el("span", { class: "quiet" }, text),
    answer.offset > 0 ? to(Math.max(answer.offset - size, 0), "Previous") : null,
    last < answer.total ? to(last, "Next") : null,
  );
}

function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value.length !== 0);
  return el("dl", { class: "facts" }, given.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

// --- the views: each gives a title, a lead and what is below

const HOSTS = [
  ["Host", (row) => named(row)],
  ["Agent", liveness],
  ["Addresses", (row) => row.addresses.join(", ")],
  ["Ports", (row) => plain(row.ports), "number"],
  ["Programmed revision", (row) => (row.status?.revision === undefined ? "" : plain(row.status.revision)), "number"],
  ["Cannot be programmed", (row) => (row.status?.unsupportedCount === undefined ? "" : plain(row.status.unsupportedCount)), "number"],
];
const DEVICES = [
  ["Name", named],
  ["Kubernetes object", (row) => origin(row.origin)],
  ["State", upDown],
  ["Ports", (row) => plain(row.ports), "number"],
  ["Filters", (row) => filters(row.filters)],
];
const PORTS = [
  ["Port", (row) => [row.interface ? code(row.interface) : code(row.id), ...row.addresses.map((text) => el("div", {}, text))]],
  ["Device", (row) => named(row.device)],
  ["Kubernetes object", (row) => origin(row.origin)],
  ["Connected to", (row) => (row.host ? ["host ", named(row.host), " ", liveness(row.host)] : row.peer ? named(row.peer) : "nothing")],
  ["State", upDown],
  ["Filters", (row) => filters(row.filters)],
];
const ROUTES = [
  ["To", (row) => code(row.destination)],
  ["From", (row) => code(row.source)],
  ["Next hop", (row) => row.hop],
  ["By", (row) => named(row.peer)],
  ["Weight", (row) => plain(row.weight), "number"],
];
const CHAINS = [
  ["Chain", named],
  ["Kubernetes object", (row) => origin(row.origin)],
  ["Rules", (row) => plain(row.rules), "number"],
];
const RULES = [
  ["Place", (row) => plain(row.position), "number"],
  ["What", (row) => row.condition],
  ["Action", (row) => [`${row.action} `, row.target && named(row.target)]],
  ["Kubernetes object", (row) => origin(row.origin)],
];

async function rowsOf(name, columns, here, ask, caption) {
  const answer = await ask(name, { of: here.id, search: here.search, offset: here.offset, limit: ROWS });
  return { of: answer.of, parts: [table(caption, columns, answer.rows), pages(answer, here, ROWS)] };
}

function all(name, columns, title, hint) {
  return async (here, ask) => ({ title, hint, parts: (await rowsOf(name, columns, here, ask, title)).parts });
}

async function pictureView(here, ask) {
  const answer = await ask("picture", { search: here.search, offset: here.offset, limit: DRAWN });
  const parts = [draw(answer, (row) => address({ view: VIEW_OF[row.kind], id: row.id })), pages(answer, here, DRAWN)];
  return { title: "Topology", lead: "Routers, bridges with their ports, and the hosts that hold them.", hint: "bridges by name", parts };
}

function deviceView(kind) {
  return async (here, ask) => {
    const ports = await rowsOf("ports", PORTS, here, ask, "Ports");
    const parts = [el("h2", {}, "Ports"), ...ports.parts];
    if (kind === "Router") {
      const routes = await rowsOf("routes", ROUTES, here, ask, "Routes");
      parts.push(el("h2", {}, "Routes"), ...routes.parts);
    }
    const { of } = ports;
    const known = facts([["Id", code(of.id)], ["State", upDown(of)], ["Made for", origin(of.origin)], ["Filters", filters(of.filters)]]);
    return { title: `${kind} ${of.name || of.id}`, hint: "ports by interface, address or Kubernetes object", parts: [known, ...parts] };
  };
}

async function hostView(here, ask) {
  const ports = await rowsOf("ports", PORTS, here, ask, "Ports");
  const { of } = ports;
  const status = of.status || {};
  const known = [
    ["Id", code(of.id)],
    ["Agent", liveness(of)],
    ["Addresses", of.addresses.join(", ")],
    ["Programmed revision", status.revision === undefined ? null : plain(status.revision)],
    ["Refused by the kernel", (status.refused || []).map((text) => el("div", {}, String(text)))],
    ["Cannot be programmed", (status.unsupported || []).map((one) => el("div", {}, `${one.kind} ${one.id}: ${one.reason}`))],
  ];
  const parts = [facts(known), el("h2", {}, "Ports bound to it"), ...ports.parts];
  return { title: `Host ${of.name || of.id}`, hint: "ports by interface or Kubernetes object", parts };
}

async function chainView(here, ask) {
  const { of, parts } = await rowsOf("rules", RULES, here, ask, "Rules");
  const uses = of.uses.map((use) => el("div", {}, `${use.as} ${use.as === "jump" ? "from" : "of"} `, named(use) || `port ${use.id}`));
  const known = facts([["Id", code(of.id)], ["Made for", origin(of.origin)], ["Used", uses.length ? uses : "nowhere"]]);
  return { title: `Chain ${of.name || of.id}`, hint: "rules by type, address or chain", parts: [known, el("h2", {}, "Rules"), ...parts] };
}

/** By the first word of the address: the view without an id, and the one with. */
export const VIEWS = {
  "": [pictureView, pictureView],
  hosts: [all("hosts", HOSTS, "Hosts", "hosts by name or address"), hostView],
  routers: [all("routers", DEVICES, "Routers", "routers by name"), deviceView("Router")],
  bridges: [all("bridges", DEVICES, "Bridges", "bridges by name"), deviceView("Bridge")],
  chains: [all("chains", CHAINS, "Chains", "chains by name, such as namespace/service"), chainView],
};
