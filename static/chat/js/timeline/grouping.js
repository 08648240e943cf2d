/** Groups messages: marks those that continue the one above them and those that begin a day. Only visible messages count. */
import { setText, slot } from "../kit/dom.js";
import { dayName, dayOf } from "../kit/time.js";

const RUN_MS = 5 * 60_000; // After a longer pause, the author is shown again.

export function arrange(list) {
  let above = null;
  for (const item of list.children) {
    if (item.hidden) continue;
    group(item, above);
    above = item;
  }
}

/** Updates `item` and the item below it. */
export function arrangeAround(item) {
  if (item.hidden) return;
  group(item, shown(item, "previousElementSibling"));
  const below = shown(item, "nextElementSibling");
  if (below) group(below, item);
}

function shown(item, direction) {
  let other = item[direction];
  while (other?.hidden) other = other[direction];
  return other;
}

function group(item, above) {
  const at = Number(item.dataset.at);
  const isNewDay = !above || dayOf(at) !== dayOf(Number(above.dataset.at));
  const isRun = !isNewDay && item.dataset.author === above.dataset.author && at - Number(above.dataset.at) < RUN_MS;
  const isSameName = isRun && slot(item, "name").textContent === slot(above, "name").textContent;
  const isAction = item.classList.contains("is-action"); // "Ann waves" always begins with the name.
  const isContinued = isSameName && !isAction && !item.querySelector(".message-new"); // A new group begins below the line.
  item.classList.toggle("is-continued", isContinued);
  slot(item, "author").tabIndex = isContinued ? -1 : 0; // It is invisible there.
  const day = slot(item, "day");
  day.hidden = !isNewDay;
  if (!isNewDay) return;
  setText(day.firstElementChild, dayName(at));
  day.setAttribute("aria-label", dayName(at)); // Screen readers skip a separator's content.
}
