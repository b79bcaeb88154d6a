// The items of the wall and the inbox, as they change.

const TELL = 120; // items of which a connect says that they are here: more cost room in its address

// What this page shows of a list, and in which state: the server sends what has changed since.
document.addEventListener("oversight:connecting", ({ detail: query }) => {
  const stamps = [...document.querySelectorAll("[data-stamp]")].map((one) => {
    const [, kind, uuid] = /^(\w)\w*-(.+)$/.exec(one.id);
    return kind + uuid.replaceAll("-", "") + one.dataset.stamp;
  });
  const cut = [...document.querySelectorAll("[data-cut]")].map((list) => list.id);
  query.set("have", stamps.slice(0, TELL).join(""));
  if (stamps.length > TELL) query.set("more", "1");
  query.set("cut", cut.join(","));
  query.set("newest", document.querySelector("[data-newest]").dataset.newest);
});

function settle(list) {
  document.getElementById(`${list.id}-empty`)?.remove();
  list.closest("section[hidden]")?.removeAttribute("hidden");
  const heading = list.previousElementSibling;
  if (heading?.matches("h2")) heading.hidden = false;
}

// Nothing on the wall moves under the pointer: what should stand elsewhere is counted.
const astray = new Set();
function resort(id, stray) {
  const again = document.getElementById("resort");
  if (!again) return;
  if (stray) astray.add(id);
  else astray.delete(id);
  again.hidden = !astray.size;
  again.textContent = `${astray.size} ${astray.size === 1 ? "change" : "changes"}, sort again`;
}

function upsert(item) {
  const old = document.getElementById(item.id);
  if (!old) {
    if (!item.news) return; // hidden because the page has no room for it
    const wall = item.into && document.getElementById("active");
    const list = wall || (item.into && document.getElementById(item.into));
    if (wall && (item.into !== "active" || "narrow" in wall.dataset)) resort(item.id, true);
    if (!list || "narrow" in list.dataset || (list.dataset.tab ?? "waiting") !== "waiting") return;
    list.insertAdjacentHTML("beforeend", item.html);
    settle(list);
    const added = document.getElementById(item.id);
    added.dataset.new = "";
    htmx.process(added);
    return;
  }
  const selected = "selected" in old.dataset;
  htmx.swap({ sourceElement: old, target: old, swap: "outerMorph", text: item.html, transition: false });
  const now = document.getElementById(item.id);
  if (selected && now) {
    now.dataset.selected = "";
    now.querySelector("a")?.setAttribute("aria-current", "true");
  }
  if (now?.matches(".cards > *")) resort(item.id, (item.into || "active") !== now.parentElement.id);
}

document.addEventListener("oversight:items", ({ detail }) => {
  for (const item of detail.items) upsert(item);
  for (const [id, text] of Object.entries(detail.texts || {})) {
    const place = document.getElementById(id);
    if (!place) continue;
    place.textContent = text;
    place.hidden = !text;
  }
  document.dispatchEvent(new CustomEvent("oversight:shown"));
});

// What is confirmed in a sheet over the wall leads back to this part of it.
if (document.getElementById("resort")) document.addEventListener("submit", ({ target }) => {
  if (target.closest("#sheet") && target.elements.next) target.elements.next.value = location.pathname + location.search;
});
