// One key map. Keys rest in fields, with modifiers, in an open dialog, and when they are turned off.

const off = () => document.body.dataset.keys === "off";
const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
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
const dock = ({ detail }) => (detail.ctx?.target?.id === "pending" ? detail.ctx.target : null);
let within = false; // a button that was pressed rests and loses the focus, which goes on to the next call
document.addEventListener("htmx:before:request", (event) => {
  if (dock(event)?.contains(document.activeElement)) within = true;
});
document.addEventListener("htmx:after:swap", (event) => {
  const place = dock(event);
  if (!place) return;
  if (within && document.activeElement === document.body) (place.querySelector("h2") ?? place).focus({ preventScroll: true });
  within = false;
  rest();
});
if (new URLSearchParams(location.search).has("next")) rest();

const visible = (element) => element.getClientRects().length;

function press(key) {
  const found = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find(visible);
  if (!found) return false;
  if (found.closest("[inert]")) return true;
  if (found.matches("input, textarea")) found.focus();
  else found.click();
  return true;
}

export function move(by, list = heads(), go = "focus") {
  if (!list.length) return false;
  const now = list.findIndex((e) => e.matches("[aria-current]") || e === document.activeElement);
  const next = list[Math.max(0, Math.min(list.length - 1, now + by))];
  next[next === list[now] ? "focus" : go]();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function fold() {
  const details = document.activeElement?.closest?.(".step")?.querySelector("details");
  if (details) details.open = !details.open;
  return Boolean(details);
}

const latest = () => document.dispatchEvent(new Event("oversight:latest"));
export const others = { j: () => move(1), k: () => move(-1), o: fold, G: latest };

let typed = -1000; // when a field had a key: it may go from under one's hands, which type on
const menu = "details:is(.choice, .more-ways, .bulk-deny)[open]";
const written = (field) => field.value !== (field.defaultValue ?? field.value) || field.checked !== field.defaultChecked;

// Escape leaves a field, closes what is open, and then goes where the page's way back leads; never
// away from what somebody has written.
function back(target) {
  typed = -1000;
  if (typing(target)) return target.blur();
  if (document.querySelector(":popover-open") || press("Escape")) return;
  const open = document.querySelector(menu);
  if (open) {
    open.open = false;
    return open.firstElementChild.focus();
  }
  if ([...document.querySelectorAll("main :is(input, textarea, select)")].some(written)) return;
  document.querySelector(".crumb, .crumb-back")?.click();
}

document.addEventListener("keydown", (event) => {
  if (typing(event.target)) typed = event.timeStamp;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || off()) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return back(event.target);
  // A key that is held down moves on; it does not decide again and again.
  if (event.timeStamp - typed < 1000 || (event.repeat && !"jk".includes(event.key))) return;
  if (others[event.key]?.() || press(event.key)) event.preventDefault();
});
