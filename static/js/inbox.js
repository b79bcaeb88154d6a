// The inbox: the item beside its list, what is chosen, and what comes while one reads.
import { move, others } from "./keys.js";
import { part } from "./sheet.js";

const detail = document.querySelector(".detail");
const pill = document.querySelector("[data-news]");
const bulk = document.getElementById("bulk");
const oneColumn = matchMedia("(max-width: 719px)");
let turn = 0; // of what somebody chose to see: it goes before what changed by itself
let beside = document.querySelector(".ask-item[data-selected] a"); // what stands beside the list: decisions are about it

function select(link) {
  for (const other of document.querySelectorAll(".ask-item[data-selected]")) {
    delete other.dataset.selected;
    other.querySelector("a").removeAttribute("aria-current");
  }
  link.closest(".ask-item").dataset.selected = "";
  link.setAttribute("aria-current", "true");
}

async function show(link) {
  const mine = ++turn;
  select(link);
  detail.setAttribute("aria-busy", "true");
  const html = await part(link.href);
  if (mine !== turn) return;
  detail.removeAttribute("aria-busy");
  if (!html) return beside && select(beside);
  beside = link;
  detail.innerHTML = html;
  htmx.process(detail);
  history.replaceState(null, "", link.href);
  scrollTo(0, 0);
  document.getElementById("case-title").focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest(".queue .ask-item a");
  if (!link || oneColumn.matches || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  show(link);
});

// The item that one reads was decided, raised or edited by somebody else: the page says so.
async function refresh(id) {
  const form = detail.querySelector("form[data-do=edit]");
  if (form) {
    form.querySelector(".change").innerHTML = "<p class='problem'>It has changed meanwhile. Go back to see how.</p>";
    return;
  }
  const mine = turn;
  const answer = await fetch(`/approvals/${id}/`, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const html = await answer.text();
  if (mine !== turn) return;
  const within = detail.contains(document.activeElement);
  htmx.swap({ sourceElement: detail, target: detail, swap: "innerMorph", text: html, transition: false });
  document.dispatchEvent(new CustomEvent("oversight:changed"));
  document.getElementById("announce").textContent = detail.querySelector(".verdict strong, .slots")?.textContent ?? "";
  if (within && !detail.contains(document.activeElement)) document.getElementById("case-title").focus();
}

document.addEventListener("oversight:shown", () => {
  const shown = document.getElementById("case");
  const item = shown && document.getElementById(`approval-${shown.dataset.case}`);
  if (item && item.dataset.sign !== shown.dataset.sign) {
    shown.dataset.sign = item.dataset.sign;
    refresh(shown.dataset.case);
  }
  const news = document.querySelectorAll(".queue [data-new]").length;
  pill.hidden = !news || !shown;
  pill.querySelector("span").textContent = `${news} new, sort again`;
});

pill?.addEventListener("click", () => location.reload());

// What is chosen stays so when the page is loaded anew, as after a decision.
const CHOSEN = "chosen";
const picks = (within = document) => [...within.querySelectorAll(".pick input")];

function choose() {
  const chosen = picks().filter((box) => box.checked).map((box) => box.value);
  sessionStorage.setItem(CHOSEN, JSON.stringify(chosen));
  const count = chosen.length;
  bulk.querySelector("span").textContent = `${count} selected`;
  bulk.querySelector("summary span").textContent = `Deny ${count}…`;
  bulk.querySelector("[value=approve] span").textContent = `Approve ${count}`;
}

if (bulk) {
  // The value holds the digest: an item that has changed since is chosen no longer.
  const chosen = JSON.parse(sessionStorage.getItem(CHOSEN) ?? "[]");
  picks().forEach((box) => { box.checked = chosen.includes(box.value); });
  choose();
  bulk.addEventListener("reset", () => setTimeout(choose));
  bulk.addEventListener("submit", () => sessionStorage.removeItem(CHOSEN));
  document.addEventListener("change", (event) => event.target.closest(".pick") && choose());
  document.addEventListener("oversight:shown", choose); // what somebody else decides is chosen no longer
} else {
  sessionStorage.removeItem(CHOSEN);
}

document.querySelectorAll("[data-choose]").forEach((button) => {
  const own = () => picks(button.closest("h2").nextElementSibling);
  button.hidden = own().length < 2;
  button.addEventListener("click", () => {
    const all = own();
    const some = all.some((box) => !box.checked);
    all.forEach((box) => { box.checked = some; });
    choose();
  });
});

document.querySelector(".ask-item[data-selected]")?.scrollIntoView({ block: "nearest" });

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

const along = (by) => move(by, [...document.querySelectorAll(".queue .ask-item a")], "click");
Object.assign(others, { x: pick, Enter: enter, j: () => along(1), k: () => along(-1) });
