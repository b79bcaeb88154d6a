// One key map. Keys rest in fields, with modifiers, in an open dialog, and when they are turned off.

const off = () => document.body.dataset.keys === "off";
const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
const entries = () => [...document.querySelectorAll(".queue .ask-item a")];
const heads = () => [...document.querySelectorAll("#feed .step .head, .fall a")];

// Nothing can be decided for a moment where an item took another's place by itself: the press,
// or the second half of a double click, was meant for what stood there before.
const REST = 400; // milliseconds
function rest() {
  const had = document.activeElement;
  const places = [...document.querySelectorAll(".decide")];
  places.forEach((place) => { place.inert = true; });
  setTimeout(() => {
    places.forEach((place) => { place.inert = false; });
    if (document.activeElement === document.body && had.closest?.(".decide")) had.focus();
  }, REST);
}
document.addEventListener("oversight:changed", rest);
document.addEventListener("htmx:after:swap", (event) => event.target?.id === "pending" && rest());
if (new URLSearchParams(location.search).has("next")) rest();

function visible(element) {
  return element.getClientRects().length > 0;
}

function press(key) {
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find(visible);
  if (!found) return false;
  if (found.closest("[inert]")) return true;
  if (found.matches("input, textarea")) found.focus();
  else found.click();
  return true;
}

function move(by) {
  const inbox = entries();
  const list = inbox.length ? inbox : heads();
  if (!list.length) return false;
  const now = list.findIndex((e) => e.matches("[aria-current]") || e === document.activeElement);
  const next = list[Math.max(0, Math.min(list.length - 1, now + by))];
  if (inbox.length && next !== list[now]) next.click();
  else next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function fold() {
  const details = document.activeElement?.closest?.(".step")?.querySelector("details");
  if (details) details.open = !details.open;
  return Boolean(details);
}

function pick() {
  const box = document.querySelector(".ask-item[data-selected] .pick input");
  box?.click();
  box?.focus(); // the Tab key goes on from here, to what is done with those that are chosen
  return Boolean(box);
}

// Where nothing else would be pressed by it.
function enter() {
  const link = document.querySelector(".ask-item[data-selected] a");
  if (!link || document.activeElement.matches("a, button, input, summary")) return false;
  link.click();
  return true;
}

const others = { x: pick, Enter: enter, j: () => move(1), k: () => move(-1), o: fold };

// Escape leaves a field first, and then goes where the page's way back leads.
function back(target) {
  if (!typing(target)) return press("Escape");
  target.blur();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || off()) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return void back(event.target);
  // A key that is held down moves on; it does not decide again and again.
  if (typing(event.target) || (event.repeat && !"jk".includes(event.key))) return;
  if (others[event.key]?.() || press(event.key)) event.preventDefault();
});
