// What of a long log stands on the page: earlier steps come above without moving what is read, and
// the far end goes, so that no session makes the page heavy.

export const feed = document.getElementById("feed");
const STEPS = 400; // on the page
const ROWS = 300; // of one step, while it is followed
const LOADED = 2000; // rows on the page, while it is followed

const number = (step) => Number(step.id.slice(5));
const steps = () => [...feed.querySelectorAll(".step")];

function drop(gone) {
  for (const step of gone) {
    document.getElementById(`outline-${number(step)}`)?.remove();
    step.remove();
  }
}

// Everything before the first step that is left can be asked for again.
function reopen() {
  const first = number(steps()[0]);
  document.getElementById("earlier")?.remove();
  feed.insertAdjacentHTML("afterbegin", `<a id="earlier" class="earlier" href="?before=${first}" hx-get="${location.pathname}steps/?before=${first}" hx-swap="outerHTML">Show earlier steps</a>`);
  htmx.process(feed.firstElementChild);
}

// A folded step gives its rows back: they are fetched when it is opened.
function unload(step) {
  const [details, rows] = [step.querySelector("details"), step.querySelector(".rows")];
  const events = rows.querySelectorAll(".event");
  if (!events.length || details.open) return;
  rows.innerHTML = `<li class="around" hx-get="${location.pathname}steps/${number(step)}/" hx-trigger="toggle from:'closest details'" hx-sync="this:drop" hx-target="#${rows.id}" hx-swap="innerHTML">${events.length} events</li>`;
  htmx.process(rows);
}

function shorten(step) {
  const rows = step.querySelector(".rows");
  const events = [...rows.querySelectorAll(":scope > .event")];
  if (events.length < 2 * ROWS) return;
  rows.querySelector(":scope > .around")?.remove();
  events.slice(0, -ROWS).forEach((row) => row.remove());
  const seq = events.at(-ROWS).dataset.seq;
  rows.insertAdjacentHTML("afterbegin", `<li class="around"><a href="?at=${seq}#e-${seq}" hx-get="${location.pathname}steps/${number(step)}/?before=${seq}" hx-target="closest li" hx-swap="outerHTML">Show earlier events of this step</a></li>`);
  htmx.process(rows.firstElementChild);
}

// Only while the end is followed: what a reader looks at stays.
export function trim() {
  const all = steps();
  if (all.length > STEPS) {
    drop(all.slice(0, all.length - STEPS));
    reopen();
  }
  all.slice(-2).forEach(shorten);
  if (feed.querySelectorAll(".event").length > LOADED) steps().slice(0, -10).forEach(unload);
}

// The page no longer reaches the end of the log; going there loads it anew.
export const cut = () => "cut" in feed.dataset;

export function full() {
  if (feed.querySelectorAll(".event").length > 2 * LOADED) feed.dataset.cut = "";
}

function earlier() {
  let anchor = null;
  feed.addEventListener("htmx:before:swap", () => {
    const step = steps().find((one) => one.getBoundingClientRect().bottom > 0);
    anchor = step && { step, top: step.getBoundingClientRect().top };
  });
  // The link that asked is gone: its event does not rise to the feed.
  document.addEventListener("htmx:after:swap", () => {
    if (!anchor?.step.isConnected) return;
    scrollBy({ top: anchor.step.getBoundingClientRect().top - anchor.top, behavior: "instant" });
    anchor = null;
    const all = steps();
    if (all.length <= STEPS) return;
    drop(all.slice(STEPS).filter((step) => step.getBoundingClientRect().top > innerHeight));
    feed.dataset.cut = "";
  });
}

// An event's address works for every event: what is not on the page is asked of the server.
function arrive() {
  const seq = /^#e-(\d+)$/.exec(location.hash)?.[1];
  if (!seq) return;
  const row = document.getElementById(`e-${seq}`);
  if (row) {
    row.closest(".step")?.querySelector("details")?.setAttribute("open", "");
    row.scrollIntoView({ block: "center", behavior: "instant" });
  } else if (new URLSearchParams(location.search).get("at") !== seq) {
    location.replace(`${location.pathname}?at=${seq}${location.hash}`);
  }
}

if (feed) {
  earlier();
  addEventListener("hashchange", arrive);
  arrive();
}
