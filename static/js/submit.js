// A form is sent once: its buttons rest while it is in flight.

const still = (form, off) => form.querySelectorAll("button, input[type=submit]").forEach((one) => { one.disabled = off; });
const wake = (which) => document.querySelectorAll(which).forEach((form) => {
  delete form.dataset.sent;
  still(form, false);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if ("sent" in form.dataset) {
    event.preventDefault();
    event.stopPropagation();
  }
  form.dataset.sent = "";
  // Only after the browser has read which button was pressed.
  setTimeout(() => still(form, true));
}, true);

// Not an edit that is sent, when its preview comes.
document.addEventListener("htmx:finally:request", () => wake("form[data-sent][hx-post]"));
// Coming back by the browser's history shows the page as it was left.
addEventListener("pageshow", () => wake("form[data-sent]"));

// What was to be filled stays if no answer came, or an error. What asks by itself is silent.
const trouble = document.getElementById("trouble");
const tell = ({ detail }, words) => {
  if (detail.ctx?.sourceEvent?.isTrusted) trouble.textContent = words;
};
document.addEventListener("htmx:before:request", (event) => tell(event, ""));
const none = "No answer came. See whether it was done, then try again.";
document.addEventListener("htmx:error", (event) => tell(event, none));
document.addEventListener("htmx:after:request", (event) => {
  const { response, select, text } = event.detail.ctx;
  const page = new DOMParser().parseFromString(text, "text/html");
  if (response.status > 499 || (page.title && !page.querySelector(select))) {
    event.preventDefault();
    tell(event, [...page.querySelectorAll("h1, .soft")].map((part) => part.textContent).join(". ") || none);
  } else if (event.target.id === "composer" && response.status < 400) event.target.reset();
});

// An unsent message outlives the page: Pause loads it anew.
const draft = document.querySelector("#composer textarea");
if (draft) {
  draft.value ||= sessionStorage.getItem(location.pathname);
  addEventListener("pagehide", () => sessionStorage.setItem(location.pathname, draft.value));
  draft.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    draft.form.requestSubmit();
  });
}

// A suggestion fills its field; a plain link becomes the POST that it stands for.
document.addEventListener("click", (event) => {
  trouble.textContent = "";
  const fill = event.target.closest("[data-fill]");
  if (fill) {
    event.preventDefault();
    const field = document.getElementById(fill.dataset.fill);
    field.value = fill.dataset.value;
    field.focus();
    return;
  }
  const link = event.target.closest("a[data-post]");
  if (!link || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  const form = document.getElementById("act");
  form.action = link.dataset.post;
  form.requestSubmit();
});
