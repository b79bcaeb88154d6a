// Replay: a cursor that moves over rendered steps. It adds and removes nothing.
import { clock } from "./countdown.js";

const player = document.getElementById("player");
const WAIT = 1; // second that a wait takes at most where waits are skipped
const EACH = 700; // milliseconds for an event when going event by event
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const id = (name) => document.getElementById(name);

function run() {
  const stops = JSON.parse(id("stops").textContent);
  if (!stops.length) return;
  const [begins, length] = [Number(player.dataset.begins), Number(player.dataset.length)];
  const scrubber = id("scrubber");
  const toggle = player.querySelector("[data-play=toggle]");
  const rows = new Map([...player.querySelectorAll(".event")].map((row) => [Number(row.dataset.seq), row]));
  const falls = [...player.querySelectorAll(".fall a")];
  const steps = [...player.querySelectorAll(".at-step")];
  const numbers = [...new Set(stops.map((stop) => stop.step))];
  let at = 0;
  let speed = "1";
  let skips = true;
  let frame = 0; // of the animation, while it plays
  let part = 0; // of the way to the next stop, 0 to 1
  let lane = null; // where the waterfall's tracks lie
  let said = 0; // when the address was last written
  let wait = 0;

  function measure() {
    const box = player.querySelector(".fall .track")?.getBoundingClientRect();
    const left = id("needle").parentElement.getBoundingClientRect().left;
    lane = box?.width ? [box.left - left, box.width] : null;
    draw();
  }

  function draw() {
    const [stop, next] = [stops[at], stops[at + 1] ?? stops[at]];
    const x = stop.x + part * (next.x - stop.x);
    const t = stop.t + part * (next.t - stop.t);
    id("playhead").setAttribute("x", `${x}%`);
    id("past").setAttribute("width", `${x}%`);
    id("ahead").setAttribute("x", `${x}%`);
    id("ahead").setAttribute("width", `${100 - x}%`);
    if (lane) id("needle").style.left = `${lane[0] + (lane[1] * x) / 100}px`;
    id("position").firstElementChild.textContent = clock(t);
    scrubber.setAttribute("aria-valuenow", String(Math.floor(t)));
    scrubber.setAttribute("aria-valuetext", `${clock(t)}, step ${stop.step}`);
  }

  function mark(stop) {
    rows.forEach((row, seq) => row.classList.toggle("future", seq > stop.seq));
    steps.forEach((step) => step.classList.toggle("now", Number(step.dataset.step) === stop.step));
    falls.forEach((link) => {
      const step = Number(link.dataset.step);
      link.parentElement.classList.toggle("future", step > stop.step);
      if (step === stop.step) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
    });
  }

  // What the page offers for this very moment: its fork, its state.
  function aim(stop) {
    const moment = player.querySelector("[data-at=moment]");
    moment.search = `?seq=${stop.seq}`;
    document.querySelectorAll("[data-at=fork]").forEach((link) => { link.search = `?step=${stop.step || 1}`; });
    clearTimeout(wait);
    if (id("moment").firstChild && !frame) wait = setTimeout(() => look(moment), 250);
  }

  async function look(link) {
    const answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) return location.assign(link.href);
    const text = await answer.text();
    if (link.search === `?seq=${stops[at].seq}`) id("moment").outerHTML = text;
  }

  function put(text) {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy"); // where there is no clipboard: over plain HTTP
    field.remove();
  }

  async function copy(button) {
    remember();
    const words = button.querySelector("span");
    await (navigator.clipboard?.writeText(location.href) ?? put(location.href));
    words.textContent = "Copied";
    setTimeout(() => { words.textContent = "Copy link to step"; }, 2000);
  }

  function remember() {
    const address = new URL(location.href);
    address.searchParams.set("step", stops[at].step);
    address.searchParams.set("t", Math.floor(stops[at].t));
    history.replaceState(null, "", address);
    said = Date.now();
  }

  function go(index, quiet = false) {
    const before = stops[at].step;
    at = Math.max(0, Math.min(stops.length - 1, index));
    part = 0;
    const stop = stops[at];
    draw();
    mark(stop);
    aim(stop);
    // Browsers allow a hundred of these in half a minute.
    if (!quiet && (!frame || Date.now() - said > 1000)) remember();
    if (stop.step !== before || quiet) falls.find((a) => Number(a.dataset.step) === stop.step)?.scrollIntoView({ block: "nearest" });
  }

  function halt() {
    if (!frame) return;
    cancelAnimationFrame(frame);
    frame = 0;
    toggle.setAttribute("aria-pressed", "false");
    toggle.setAttribute("aria-label", "Play");
    remember();
    aim(stops[at]);
  }

  // How many milliseconds the way from a stop to the next takes.
  function pace(index) {
    if (speed === "step") return EACH;
    const real = stops[index + 1].t - stops[index].t;
    const { busy } = stops[index];
    const seconds = skips ? busy + Math.min(WAIT, Math.max(0, real - busy)) : real;
    return Math.max(1, (1000 * seconds) / Number(speed));
  }

  function play() {
    if (frame) return halt();
    if (at >= stops.length - 1) go(0);
    toggle.setAttribute("aria-pressed", "true");
    toggle.setAttribute("aria-label", "Pause");
    let last = performance.now();
    const move = (now) => {
      let left = Math.max(0, now - last); // a frame may bear an earlier time than the press
      last = now;
      while (at < stops.length - 1) {
        const whole = pace(at);
        if (left < whole * (1 - part)) {
          part += left / whole;
          break;
        }
        left -= whole * (1 - part);
        go(at + 1);
      }
      if (at >= stops.length - 1) return halt();
      if (!CALM.matches && speed !== "step") draw();
      frame = requestAnimationFrame(move);
    };
    frame = requestAnimationFrame(move);
  }

  const firstOf = (step) => stops.findIndex((stop) => stop.step === step);
  // A step is shown whole when one goes to it: the cursor stands on its last event.
  const lastOf = (step) => stops.findLastIndex((stop) => stop.step === step);

  function stepBy(by) {
    const place = numbers.indexOf(stops[at].step) + by;
    if (place >= 0 && place < numbers.length) go(lastOf(numbers[place]));
    else go(by < 0 ? firstOf(numbers[0]) : stops.length - 1);
  }

  // The next one; beyond what is on the page, or else the first.
  function seek(kind, link) {
    const found = stops.findIndex((stop, index) => index > at && stop.mark === kind);
    if (found < 0 && link.dataset.beyond) return location.assign(`?step=${link.dataset.beyond}`);
    const again = found < 0 ? stops.findIndex((stop) => stop.mark === kind) : found;
    if (again >= 0) go(again);
  }

  const actions = {
    toggle: play,
    back: () => stepBy(-1),
    forward: () => stepBy(1),
    fault: (link) => seek("fault", link),
    approval: (link) => seek("approval", link),
    skip: (button) => button.setAttribute("aria-pressed", String(skips = !skips)),
    copy,
  };

  player.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    const button = event.target.closest("[data-play], [data-speed]");
    const link = event.target.closest(".fall a");
    const moment = event.target.closest("[data-at=moment]");
    if (!button && !link && !moment) return;
    event.preventDefault();
    if (moment) {
      halt();
      if (id("moment").firstChild) id("moment").replaceChildren();
      else look(moment);
    } else if (button?.dataset.play) {
      if (!["toggle", "skip", "copy"].includes(button.dataset.play)) halt();
      actions[button.dataset.play](button);
    } else if (button) {
      speed = button.dataset.speed;
      player.querySelectorAll("[data-speed]").forEach((other) => {
        other.setAttribute("aria-pressed", String(other === button));
      });
    } else {
      halt();
      go(lastOf(Number(link.dataset.step)));
    }
    if (event.detail) (button ?? link)?.blur(); // so that the space bar plays after a click
  });

  function drag(event) {
    const box = scrubber.getBoundingClientRect();
    const x = (100 * (event.clientX - box.left)) / box.width;
    go(Math.max(0, stops.findLastIndex((stop) => stop.x <= x + 0.2)));
  }
  scrubber.addEventListener("pointerdown", (event) => {
    halt();
    scrubber.setPointerCapture(event.pointerId);
    drag(event);
  });
  scrubber.addEventListener("pointermove", (event) => {
    if (scrubber.hasPointerCapture(event.pointerId)) drag(event);
  });

  const keys = {
    ArrowLeft: () => go(at - 1), ArrowDown: () => go(at - 1),
    ArrowRight: () => go(at + 1), ArrowUp: () => go(at + 1),
    PageUp: () => stepBy(-1), PageDown: () => stepBy(1),
    Home: () => go(0), End: () => go(stops.length - 1),
  };
  const plain = (event) => !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.defaultPrevented);
  scrubber.addEventListener("keydown", (event) => {
    if (!keys[event.key] || !plain(event)) return;
    event.preventDefault();
    event.stopPropagation();
    halt();
    keys[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    if (!plain(event) || document.body.dataset.keys === "off" || document.querySelector("dialog[open]")) return;
    const resting = event.key === " " ? "input, textarea, select, button, summary" : "input, textarea, select";
    if (event.target.closest(resting)) return;
    const act = { " ": play, ArrowLeft: () => stepBy(-1), ArrowRight: () => stepBy(1) }[event.key];
    if (!act) return;
    event.preventDefault();
    if (event.key !== " ") halt();
    act();
  });

  // In a replay time is counted from the session's beginning.
  stops.forEach((stop) => {
    rows.get(stop.seq)?.querySelectorAll(".at time").forEach((time) => { time.textContent = clock(stop.t); });
  });
  player.dataset.ready = "";
  addEventListener("resize", measure);
  measure();
  go(stops.findIndex((stop) => stop.seq === Number(player.dataset.seq)), true);
}

if (player) run();
