// What a row says besides its words: when a message was read, and its event as JSON.

// A message was read by the first turn whose request was built after it.
export function mark() {
  const waiting = [...document.querySelectorAll(".event[data-kind=message]:not([data-read])")];
  if (!waiting.length) return;
  const turns = [...document.querySelectorAll("[data-upto]")]
    .map((turn) => [Number(turn.dataset.step ?? turn.id.slice(5)), Number(turn.dataset.upto)]);
  const ended = document.querySelector("#status[data-ended]");
  for (const row of waiting) {
    const read = turns.find(([, upto]) => upto >= Number(row.dataset.seq));
    if (read) row.dataset.read = read[0];
    const words = read ? `Read at step ${read[0]}` : ended || !document.body.dataset.live ? "" : "Queued";
    row.querySelector(".reading").textContent = words;
  }
}

async function load(row) {
  row.dataset.raw = "";
  if (row.querySelector(":scope > .raw")) return;
  const raw = document.createElement("div");
  raw.className = "raw";
  row.append(raw);
  try {
    const answer = await fetch(row.querySelector("a.json").href, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw answer;
    raw.innerHTML = await answer.text();
  } catch {
    raw.remove();
    delete row.dataset.raw;
  }
}

const seen = new IntersectionObserver((found) => {
  for (const { isIntersecting, target } of found) if (isIntersecting) load(target);
});

function all(json) {
  const rows = document.querySelectorAll("#feed .event, #inspector .event");
  if (json) return rows.forEach((row) => seen.observe(row));
  seen.disconnect();
  rows.forEach((row) => { delete row.dataset.raw; });
}

document.addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  const row = event.target.closest("a.json")?.closest(".event");
  if (row) {
    event.preventDefault();
    if ("raw" in row.dataset) delete row.dataset.raw;
    else load(row);
  }
  const form = event.target.closest("[data-form] button");
  if (!form) return;
  const json = form.value === "json";
  form.parentElement.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", one === form));
  document.querySelector("#feed, #inspector").dataset.as = form.value;
  all(json);
});
document.addEventListener("oversight:batch", () => {
  if (document.getElementById("feed")?.dataset.as === "json") all(true);
});
