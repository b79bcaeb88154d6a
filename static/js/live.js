// The live connection: says the cursor on every connect, drops what is already here, and tells the
// truth about whether this page is live, reconnecting or stale.

const place = document.getElementById("live");
const chip = document.getElementById("connection"); // where something on the page itself is live
const QUIET = 6000; // milliseconds without a word from the server
const BEHIND = 2000; // milliseconds that the page may lag behind the log's head
const GIVE_UP = 30000; // milliseconds after which people are offered a retry

let open = false;
let ended = false;
let heard = Date.now();
let lost = Date.now();
let head = 0;
let behindSince = 0;
let seen = 0; // the last event that came, whether the page has room for it or not
let held = null; // what came while the reader asked for peace

function cursor() {
  let last = Number(document.getElementById("feed")?.dataset.after || 0);
  for (const row of document.querySelectorAll("#feed [data-seq]")) last = Math.max(last, Number(row.dataset.seq));
  return last;
}

// Rows of steps that this page does not show: their place is not here, and they are fetched with it.
function strip(frame) {
  const cut = "cut" in (document.getElementById("feed")?.dataset ?? {});
  if (cut) frame.querySelectorAll("article.step, li[id^='outline-']").forEach((one) => one.closest("[hx-swap-oob]").remove());
  for (const part of frame.querySelectorAll("[hx-swap-oob]")) {
    const [, id] = part.getAttribute("hx-swap-oob").split(":#");
    const target = id ?? part.id;
    if (!document.getElementById(target) && !frame.getElementById(id ?? "")) part.remove();
  }
}

// The page has the step: what it lacks of its rows goes to their end.
function append(step) {
  const rows = document.createElement("div");
  rows.setAttribute("hx-swap-oob", `beforeend:#${step.id}-rows`);
  rows.append(...step.querySelectorAll(".event"));
  step.closest("[hx-swap-oob]").replaceWith(rows);
}

// Rows that the page has: a frame sent again after a reconnect must not double them.
function fresh(html) {
  const frame = document.createElement("template");
  frame.innerHTML = html;
  for (const row of frame.content.querySelectorAll("[data-seq][id^='e-']")) {
    seen = Math.max(seen, Number(row.dataset.seq));
    if (document.getElementById(row.id)) row.remove();
  }
  for (const entry of frame.content.querySelectorAll("li[id^='outline-']")) {
    if (document.getElementById(entry.id)) entry.remove();
  }
  for (const step of frame.content.querySelectorAll("article.step[id]")) {
    if (document.getElementById(step.id)) append(step);
  }
  strip(frame.content);
  return frame.innerHTML;
}

// What concerns another module of the page.
function tell(what, detail) {
  document.dispatchEvent(new CustomEvent(`oversight:${what}`, { detail }));
}

function hold(button) {
  const came = held;
  held = came ? null : [];
  button.setAttribute("aria-pressed", !came);
  for (const message of came ?? []) {
    if (message.items) tell("items", message);
    else take(message);
  }
  judge();
}

function take(html) {
  tell("frame");
  htmx.swap({ sourceElement: place, target: place, swap: "none", text: fresh(html), transition: false });
  tell("batch");
}

function say(state, words) {
  if (chip.dataset.state === state && chip.textContent === words) return;
  if (state === "reconnecting" && chip.dataset.state !== state) {
    document.getElementById("alert").textContent = "The connection dropped. Reconnecting.";
  }
  chip.dataset.state = state;
  chip.textContent = words;
}

function judge() {
  if (!chip) return;
  const now = Date.now();
  const quiet = Math.round((now - heard) / 1000);
  behindSince = head > seen && !held ? behindSince || now : 0;
  if (ended) say("gone", "Signed out");
  else if (!open) say("reconnecting", `Reconnecting, last update ${quiet} s ago`);
  else if (now - heard > QUIET) say("stale", `Stale, last update ${quiet} s ago`);
  else if (behindSince && now - behindSince > BEHIND) say("stale", "Catching up");
  else if (held) say("held", held.length ? `Held, ${held.length} updates wait` : "Held");
  else say("live", "Live");
  retry(!ended && !open && now - lost > GIVE_UP);
}

function retry(offered) {
  const banner = document.getElementById("retry");
  if (!offered) banner?.remove();
  // A link to a place on this page would not load it anew.
  else if (!banner) document.getElementById("main").insertAdjacentHTML("afterbegin", '<p id="retry" class="banner">The connection dropped. The agent is still running. <a href="">Retry</a></p>');
}

if (place) {
  seen = cursor();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-hold]");
    if (button) hold(button);
  });
  addEventListener("htmx:ws:before:connection", ({ detail }) => {
    // A hidden tab stays connected: it is where notifications come from.
    detail.connection.config.pauseOnBackground = false;
    detail.connection.config.reconnectMaxDelay = 5000;
    const address = new URL(detail.connection.url, location.href);
    if (document.getElementById("feed")) address.searchParams.set("after", cursor());
    tell("connecting", address.searchParams);
    detail.connection.url = address.href;
  });
  addEventListener("htmx:ws:after:connection", () => {
    open = true;
    heard = Date.now();
    judge();
  });
  addEventListener("htmx:ws:close", ({ detail }) => {
    if (open) lost = Date.now();
    open = false;
    ended = detail.code === 4403;
    judge();
  });
  addEventListener("htmx:ws:before:message:incoming", (event) => {
    heard = Date.now();
    const { message } = event.detail;
    if (message.data.startsWith("{")) {
      const told = JSON.parse(message.data);
      event.detail.cancelled = true;
      if (told.items && held) held.push(told);
      else if (told.items) tell("items", told);
      if (told.asks) tell("asks", told);
      if (told.head) head = told.head;
      judge();
      return;
    }
    if (held) {
      // Longer than this nobody reads on purpose: the page is asked for anew.
      if (held.length > 2000) location.reload();
      held.push(message.data);
      event.detail.cancelled = true;
      return judge();
    }
    tell("frame");
    message.data = fresh(message.data);
  });
  addEventListener("htmx:ws:after:message:incoming", () => {
    tell("batch");
    judge();
  });
  // A page that the browser kept while another was shown has lost its connection for good.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  setInterval(judge, 1000);
  // Only now: a connection made before these listeners were there would not know its cursor.
  addEventListener("DOMContentLoaded", () => setTimeout(() => {
    htmx.process(place);
    place.dispatchEvent(new CustomEvent("oversight:connect"));
  }));
}
