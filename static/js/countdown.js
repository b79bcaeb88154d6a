// Clocks that run: time left until a deadline, and time since a start.

const two = (number) => String(number).padStart(2, "0");

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function warn(element, left) {
  for (const mark of [120, 30]) {
    if (left > mark || left < mark - 5 || Number(element.dataset.told ?? 999) <= mark) continue;
    element.dataset.told = mark;
    const named = element.closest(".ask-item, .detail, .dock")?.querySelector(".title, h2");
    const words = mark < 60 ? `${mark} seconds` : `${mark / 60} minutes`;
    write(document.getElementById("alert"), `${named?.textContent ?? "An approval"}: expires in ${words}.`);
  }
}

function countDown(element, now) {
  const left = (Date.parse(element.dataset.until) - now) / 1000;
  const part = Math.max(0, Math.min(100, Math.round((100 * left) / Number(element.dataset.total || 1))));
  const about = document.getElementById("retry") ? "about " : ""; // long without the server's word
  write(element.querySelector(".left"), left > 0 ? about + clock(left) : "expired");
  element.querySelector(".rest")?.setAttribute("stroke-dasharray", `${part} 100`);
  element.toggleAttribute("data-soon", left < 120 || part < 25);
  element.toggleAttribute("data-over", left <= 0);
  warn(element, left);
}

function tick() {
  const now = Date.now();
  document.querySelectorAll("[data-until]").forEach((element) => countDown(element, now));
  document.querySelectorAll("[data-due]").forEach((element) => {
    write(element, clock((Date.parse(element.dataset.due) - now) / 1000));
  });
  document.querySelectorAll("[data-gone]").forEach((element) => {
    if (Date.parse(element.dataset.gone) < now) element.remove();
  });
  document.querySelectorAll("[data-since]").forEach((element) => {
    write(element, clock((now - Date.parse(element.dataset.since)) / 1000));
  });
}

setInterval(tick, 1000);
tick();
