// Confirmations open over the page instead of on one of their own.

const sheet = document.getElementById("sheet");
let opener = null;
const kept = new Map(); // what an edit in place stands for, by its place

// Where there is none, its address says why.
export async function part(address) {
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (answer.ok && !answer.redirected) return await answer.text();
    location.href = address;
  } catch {
    document.getElementById("trouble").textContent = "No answer came. Try again.";
  }
}

async function open(link) {
  const html = await part(link.href);
  if (html) fill(link, html);
}

function fill(link, html) {
  opener = link;
  const spot = link.dataset.sheet === "place" && link.closest(".detail, .dock")?.querySelector(".in-place > div");
  const place = spot || sheet;
  if (spot) {
    kept.set(spot, [...spot.childNodes]);
    spot.setAttribute("hx-morph-skip", ""); // what comes meanwhile must not take what is typed
  }
  place.innerHTML = html;
  htmx.process(place);
  if (!spot) sheet.showModal();
  (place.querySelector("[autofocus]") ?? place.querySelector(spot ? "input:not([type=hidden]), textarea, select" : "h2"))?.focus();
}

// Whether it stood in the page's own place, and is gone from there.
function putBack(element) {
  const spot = element.closest(".in-place > div");
  if (!kept.has(spot)) return false;
  spot.replaceChildren(...kept.get(spot));
  spot.removeAttribute("hx-morph-skip");
  kept.delete(spot);
  opener?.focus();
  return true;
}

if (sheet) {
  document.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target.closest("a[data-sheet]");
    const close = event.target.closest("[data-close]");
    if (link) open(link);
    else if (event.target === sheet || sheet.contains(close)) sheet.close();
    else if (!close || !putBack(close)) return;
    event.preventDefault();
  });
  sheet.addEventListener("close", () => {
    sheet.replaceChildren();
    if (opener?.isConnected) opener.focus();
  });
}
