// The steps' bars on one axis, laid out anew as the session grows; long pauses are pressed together.

const LONGEST = 34; // seconds that a pause is drawn
const LEAST = 3; // per cent of the axis

export function lay(feed) {
  let [axis, ended] = [0, Infinity];
  const placed = [...feed.querySelectorAll("[data-lane]")].map((track) => {
    const [start, end, drawn] = track.dataset.lane.split(" ").map(Number);
    const at = axis + Math.min(Math.max(start - ended, 0), LONGEST);
    [axis, ended] = [at + drawn, end];
    return [track.firstElementChild, at, drawn];
  });
  for (const [lane, at, drawn] of placed) {
    lane.setAttribute("x", `${Math.min((100 * at) / (axis || 1), 100 - LEAST)}%`);
    lane.setAttribute("width", `${Math.max((100 * drawn) / (axis || 1), LEAST)}%`);
  }
}
