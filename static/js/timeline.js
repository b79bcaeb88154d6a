// The session's feed: follows its end only while the reader is there, filters, folds what is done,
// and says in a sentence what a reader who cannot see it would miss.
import { cut, feed, full, trim } from "./window.js";
import { mark } from "./rows.js";
import { lay } from "./waterfall.js";

const NEAR = 80; // pixels from the end that still count as being there
const FOLDS = 25; // steps that are folded at once
const QUIET = 5000; // milliseconds between two sentences

function atEnd() {
  const root = document.documentElement;
  return root.scrollHeight - root.scrollTop - innerHeight < NEAR;
}

function say(id, words) {
  const place = document.getElementById(id);
  if (place) place.textContent = words;
}

// A step is folded two steps later, if nothing in it went wrong and nobody was asked.
function settle(steps) {
  const loud = ".event.bad, .band, [data-kind^=approval_], [data-kind^=vote_], [data-kind=message]";
  const done = steps.slice(0, -2).filter((step) => !("settled" in step.dataset));
  // Few at a time: folding hundreds at once would block the page.
  done.slice(-FOLDS).forEach((step) => {
    step.dataset.settled = "";
    if (!step.querySelector(loud)) step.querySelector("details").open = false;
  });
}

function start() {
  const pill = document.querySelector("[data-latest]");
  const sign = document.querySelector("[data-follow]");
  const windowed = /[?&](before|at)=/.test(location.search);
  let following = !location.hash && !windowed;
  let unseen = 0;
  let said = 0;
  let finished = "";

  const show = () => {
    sign?.toggleAttribute("data-on", following);
    pill.hidden = following || !(unseen || cut());
    if (pill.hidden) return;
    const asks = document.querySelector("#pending [data-until] .left");
    const news = unseen ? `${unseen} new ${unseen === 1 ? "event" : "events"}` : "Go to the latest";
    pill.querySelector("span").textContent = asks ? `Waiting for approval, ${asks.textContent} left` : news;
  };
  const latest = () => {
    if (cut()) return location.assign(location.pathname);
    following = true;
    unseen = 0;
    scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    show();
  };
  const tell = () => {
    if (!finished || Date.now() - said < QUIET) return;
    said = Date.now();
    say("announce", finished);
    finished = "";
  };
  const hear = (rows) => {
    if (rows.some((row) => row.matches(".step"))) {
      const done = [...feed.querySelectorAll(".step h3")].at(-2);
      if (done) finished = `Step ${done.dataset.n} finished: ${done.textContent}`;
    }
    const kinds = "[data-kind=approval_requested]";
    const asked = rows.map((row) => (row.matches(kinds) ? row : row.querySelector(kinds))).findLast(Boolean);
    if (asked) say("alert", `Approval requested: ${asked.querySelector(".said a").textContent}`);
  };
  const arrived = (records) => {
    const rows = records.flatMap((record) => [...record.addedNodes])
      .filter((node) => node.nodeType === 1 && node.isConnected && node.matches(".event, .step"));
    if (!rows.length) return;
    mark();
    if (!live()) return;
    unseen += rows.reduce((sum, row) => sum + (row.matches(".event") ? 1 : row.querySelectorAll(".event").length), 0);
    hear(rows);
    if (following) {
      settle([...feed.querySelectorAll(".step")]);
      trim();
      latest();
    } else {
      full();
      show();
    }
  };
  // What the reader asked for is no news.
  let batch = 0;
  const live = () => Date.now() - batch < 1000;
  document.addEventListener("oversight:frame", () => { batch = Date.now(); feed.setAttribute("aria-busy", "true"); });
  document.addEventListener("oversight:batch", () => feed.removeAttribute("aria-busy"));

  feed.querySelectorAll(".step").forEach((step) => { step.dataset.settled = ""; });
  new MutationObserver(arrived).observe(feed, { childList: true, subtree: true });
  new MutationObserver(() => (following ? latest() : show()))
    .observe(document.getElementById("pending"), { childList: true, subtree: true });
  let top = scrollY;
  addEventListener("scroll", () => {
    // A page that grows under the reader is no reader who leaves: only scrolling up is.
    if (atEnd()) following = !cut() && !windowed;
    else if (scrollY < top - 1) following = false;
    top = scrollY;
    if (following) unseen = 0;
    show();
  }, { passive: true });
  // Steps are laid out only when they come near: the end moves until they are.
  new ResizeObserver(() => following && latest()).observe(feed);
  feed.addEventListener("click", () => { following = following && atEnd(); });
  feed.addEventListener("htmx:before:request", () => { following = false; });
  pill.addEventListener("click", latest);
  document.addEventListener("oversight:latest", latest);
  let grown = false;
  for (const name of ["oversight:batch", "htmx:after:swap"]) document.addEventListener(name, () => { grown = true; });
  setInterval(() => {
    tell();
    show();
    if (grown) lay(feed);
    grown = false;
  }, 1000);
  if (following && !document.querySelector("#status[data-ended]")) latest();
  show();
}

// Steps whose rows are not here say what they hold: those that match are opened, which fetches them.
function filters() {
  document.querySelectorAll("[data-filter]").forEach((group) => {
    group.addEventListener("click", (event) => {
      const chosen = event.target.closest("button");
      if (!chosen) return;
      document.getElementById(group.dataset.filter).dataset.show = chosen.value;
      group.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", one === chosen));
      if (chosen.value === "all") return;
      feed.querySelectorAll(`.step[data-has~="${chosen.value}"] > details:has(.rows > [hx-get])`).forEach((details) => { details.open = true; });
    });
  });
}

if (feed) {
  filters();
  mark();
  if (document.querySelector("[data-latest]")) start();
}
