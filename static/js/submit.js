// A form is sent once: its buttons rest while it is in flight.

const buttons = (form) => form.querySelectorAll("button, input[type=submit]");

function rest(form) {
  form.dataset.sent = "";
  // Only after the browser has read which button was pressed.
  setTimeout(() => buttons(form).forEach((button) => { button.disabled = true; }));
}

function wake(form) {
  delete form.dataset.sent;
  buttons(form).forEach((button) => { button.disabled = false; });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    event.stopPropagation();
  } else {
    rest(form);
  }
}, true);

function settled(event) {
  const form = event.target?.closest?.("form");
  document.querySelectorAll("form[data-sent]").forEach((sent) => {
    if (sent === form || sent.hasAttribute("hx-post")) wake(sent);
  });
}

for (const name of ["htmx:finally:request", "htmx:error", "htmx:after:request"]) {
  document.addEventListener(name, settled);
}
// Coming back by the browser's history shows the page as it was left.
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(wake));

document.addEventListener("htmx:after:request", (event) => {
  if (event.target?.id === "composer") event.target.reset();
});

// A suggestion fills its field; a plain link becomes the POST that it stands for.
document.addEventListener("click", (event) => {
  const fill = event.target.closest("[data-fill]");
  if (fill) {
    event.preventDefault();
    const field = document.getElementById(fill.dataset.fill);
    field.value = fill.dataset.value ?? fill.value;
    const agent = document.getElementById("agent");
    if (agent && fill.dataset.agent && agent.value !== fill.dataset.agent) {
      agent.value = fill.dataset.agent;
      agent.dispatchEvent(new Event("change", { bubbles: true }));
    }
    field.focus();
    return;
  }
  const link = event.target.closest("a[data-post]");
  const form = document.getElementById("act");
  if (!link || !form || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  form.action = link.dataset.post;
  form.requestSubmit();
});
