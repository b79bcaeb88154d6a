// What waits for people, told where they look: the title, the icon, the bell, and notifications.

const TOLD = "oversight-told"; // what a notification was shown for, in any tab of this browser
const SOON = 120000; // milliseconds before its deadline from which a call is urgent
const icon = document.querySelector("link[rel=icon]");
const icons = { "": icon.href, ...icon.dataset };
const title = document.title.replace(/^\(\d+\) /, "");
const wants = (wish) => wish in document.body.dataset;
const waiting = new Map();
const shown = new Map();
let count = Number(document.getElementById("bell-waiting")?.textContent || 0);
let begun = false; // whether it is known what waits
let leads = !navigator.locks;

// Of all tabs of this browser one tells, for as long as it is open.
navigator.locks?.request("oversight-notify", () => {
  leads = true;
  return new Promise(() => {});
});

function told() {
  try {
    return new Set(JSON.parse(localStorage.getItem(TOLD)));
  } catch {
    return new Set();
  }
}

function mark(change) {
  const all = told();
  change(all);
  localStorage.setItem(TOLD, JSON.stringify([...all].slice(-300)));
}

function urgent() {
  const soon = Date.now() + SOON;
  return [...waiting.values()].some((ask) => ask.mine && (ask.risk === "high" || Date.parse(ask.until) < soon));
}

function paint() {
  document.title = count ? `(${count}) ${title}` : title;
  const href = icons[count ? (urgent() ? "urgent" : "waiting") : ""];
  if (icon.href !== href) icon.href = href;
  for (const mark of document.querySelectorAll("[data-waiting]:not(link)")) {
    [mark.textContent, mark.hidden] = [count || "", !count];
  }
}

function chime() {
  const sound = new AudioContext();
  const tone = new OscillatorNode(sound, { frequency: 660 });
  tone.connect(new GainNode(sound, { gain: 0.08 })).connect(sound.destination);
  tone.onended = () => sound.close();
  tone.start();
  tone.stop(sound.currentTime + 0.25);
}

function tell(ask) {
  const risk = ask.risk.toUpperCase();
  const by = ask.until ? `, until ${new Date(ask.until).toLocaleTimeString()}` : "";
  const note = new Notification(`Needs a decision: ${risk}`, {
    body: `${ask.tool}, asked by ${ask.agent}${by}`,
    tag: ask.id,
    icon: icons[""],
    silent: true,
  });
  note.onclick = () => {
    focus();
    location.href = `/approvals/${ask.id}/`;
  };
  shown.set(ask.id, note);
  if (wants("sound") && ask.risk === "high") chime();
}

// The page that showed it may be gone: one with the same tag takes its place, and closes.
function untell(id) {
  const note = shown.get(id) ?? new Notification("Decided", { tag: id, silent: true });
  note.close();
  shown.delete(id);
}

const mayTell = () => leads && wants("notify") && window.Notification?.permission === "granted";

function heard(ask) {
  if (ask.waits) waiting.set(ask.id, ask);
  else waiting.delete(ask.id);
  const known = told().has(ask.id);
  if (!leads || !ask.mine || known === ask.waits) return;
  mark((all) => (ask.waits ? all.add(ask.id) : all.delete(ask.id)));
  if (!mayTell()) return;
  if (!ask.waits) untell(ask.id);
  else if (!document.hasFocus()) tell(ask);
}

// For those who do not see the lists. A session's page says its own.
function say(asks) {
  if (!asks.length || document.getElementById("feed")) return;
  const [{ tool, risk, agent }] = asks;
  const words = asks.length > 1 ? `${asks.length} approvals requested.` : `Approval requested: ${tool}, ${risk.toUpperCase()}, by ${agent}.`;
  document.getElementById("alert").textContent = words;
}

document.addEventListener("oversight:asks", ({ detail }) => {
  const fresh = detail.asks.filter((ask) => ask.waits && ask.mine && !waiting.has(ask.id));
  detail.asks.forEach(heard);
  if (begun) say(fresh);
  begun = true;
  count = detail.texts["nav-waiting"];
  paint();
});

// Browsers ask for leave only from a button; the wish is kept once they have given it.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-ask]");
  if (!button || !window.Notification || Notification.permission === "granted") return;
  event.preventDefault();
  if ((await Notification.requestPermission()) === "granted") button.form.requestSubmit(button);
  else button.form.querySelector("[data-said]").textContent = "This browser has refused them; its settings for this site can allow them.";
});

setInterval(paint, 5000);
paint();
