// The page: from the address to a view, again whenever the topology has changed; and the login.
import { address, el, plain, VIEWS } from "./views.js";

const API = "/minimidonet/v1/page/";
const SECONDS = 5; // between looks at the revision

let token = ""; // in memory only: it ends with the page
let summary = {};
let turn = 0; // answers to older questions are dropped

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const $ = (id) => document.getElementById(id);

async function ask(name, query = {}) {
  const headers = token ? { "X-Auth-Token": token } : {};
  const url = `${API}${name}?${new URLSearchParams(query)}`;
  const response = await fetch(url, { headers, credentials: "omit", cache: "no-store" });
  if (!response.ok) throw new Refused(response.status, (await response.json()).message);
  return response.json();
}

function place() {
  const [path, query] = location.hash.slice(1).split("?");
  const [view = "", id = ""] = path.replace(/^\//, "").split("/");
  const asked = new URLSearchParams(query);
  return { view, id, search: asked.get("search") || "", offset: Number(asked.get("offset")) || 0 };
}

// --- showing

async function show({ moved }) {
  const mine = ++turn;
  const here = place();
  const [list, item] = VIEWS[here.view] || VIEWS[""];
  try {
    const told = await ask("summary");
    const view = await (here.id ? item : list)(here, ask);
    if (mine !== turn) return;
    summary = told;
    showSummary();
    trouble("");
    put(here, view, moved);
  } catch (error) {
    if (mine === turn) failed(error);
  }
}

function put(here, view, moved) {
  const focused = document.activeElement?.getAttribute("href");
  title(view.title);
  $("find").hidden = false;
  $("hint").textContent = view.hint;
  if (document.activeElement !== $("search")) $("search").value = here.search;
  $("content").replaceChildren(...(view.lead ? [el("p", { class: "lead" }, view.lead)] : []), ...view.parts);
  for (const link of $("views").children) {
    const isHere = link.getAttribute("href") === address({ view: here.view });
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (moved) $("title").focus();
  else if (focused && !document.activeElement.closest("a")) $("content").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

function title(text) {
  $("title").textContent = text;
  document.title = `${text} – minimidonet`;
}

function showSummary() {
  const { hosts, counts, revision } = summary;
  const pairs = [["hosts alive", `${plain(hosts.alive)} of ${plain(hosts.all)}`]];
  for (const [kind, count] of Object.entries(counts)) {
    const words = kind.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
    if (count) pairs.push([words + (count === 1 ? "" : "s"), plain(count)]);
  }
  $("counts").replaceChildren(...pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  $("revision").textContent = `revision ${plain(revision)}`;
  $("logout").hidden = !token;
}

function trouble(text) {
  $("trouble").hidden = !text;
  if ($("trouble").textContent !== text) $("trouble").textContent = text;
}

function failed(error) {
  if (error.status === 401) {
    token = "";
    logIn();
  } else if (error.status) {
    trouble("");
    title("Not found");
    $("find").hidden = true;
    $("content").replaceChildren(el("p", {}, error.message || `The server answers ${error.status}.`), el("a", { href: "#/" }, "To the picture"));
  } else {
    trouble("The server does not answer. What is shown may be old; trying again.");
  }
}

// --- logging in

function logIn() {
  if ($("login")) return; // somebody is typing
  trouble("");
  title("Log in");
  $("find").hidden = true;
  $("logout").hidden = true;
  $("counts").replaceChildren();
  $("revision").textContent = "";
  const field = (name, kind, use) => el("input", { id: name, type: kind, autocomplete: use, required: "" });
  const user = field("user", "text", "username");
  const password = field("password", "password", "current-password");
  const label = (words, input) => el("label", {}, words, input);
  const form = el("form", { id: "login", class: "login" }, label("User", user), label("Password", password), el("button", {}, "Log in"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = new TextEncoder().encode(`${user.value}:${password.value}`);
    const authorization = `Basic ${btoa(String.fromCharCode(...given))}`;
    try {
      const response = await fetch("/midonet-api/login", { method: "POST", headers: { authorization }, credentials: "omit" });
      if (!response.ok) return trouble((await response.json()).message);
      token = (await response.json()).key;
      await show({ moved: true });
    } catch {
      trouble("The server does not answer.");
    }
  });
  $("content").replaceChildren(form);
  user.focus();
}

// --- events

let typing;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    history.replaceState(null, "", address({ ...place(), search: $("search").value, offset: 0 }));
    show({ moved: false });
  }, 200);
});
$("find").addEventListener("submit", (event) => event.preventDefault());
$("logout").addEventListener("click", () => {
  token = "";
  turn++;
  logIn();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which view it is
  $("title").focus();
});
addEventListener("hashchange", () => {
  $("search").blur();
  show({ moved: true });
});

async function watch() {
  if (!document.hidden && !$("login")) {
    const told = await ask("summary").catch((error) => failed(error));
    const isNew = told && (told.revision !== summary.revision || told.hosts.alive !== summary.hosts?.alive || !$("trouble").hidden);
    if (isNew) await show({ moved: false });
  }
  setTimeout(watch, SECONDS * 1000);
}

await show({ moved: false });
setTimeout(watch, SECONDS * 1000);
