/** The day of the first message on the screen, above the messages. Empty while that message's own line with the day is on the screen. */
import { setText, slot } from "../kit/dom.js";
import { dayName } from "../kit/time.js";
import { firstBelow } from "./on-screen.js";
import { dayShown } from "./signals.js";

export class DayBar {
  #root;
  #scroller;
  #at = NaN;

  constructor(root, scroller) {
    this.#root = root;
    this.#scroller = scroller;
  }

  /** `items`: the messages' nodes, oldest first. */
  show(items) {
    const { top } = this.#scroller.getBoundingClientRect();
    const first = items[Math.min(items.length - 1, firstBelow(items, top))];
    this.#root.classList.toggle("is-empty", !first);
    if (!first) return;
    const own = slot(first, "day");
    const line = own.getBoundingClientRect();
    this.#root.classList.toggle("is-repeated", !own.hidden && line.top + line.height / 2 >= top); // Most of it is on the screen.
    const at = Number(first.dataset.at);
    if (at === this.#at) return;
    this.#at = at;
    setText(slot(this.#root, "day"), dayName(at));
    dayShown.emit({ at });
  }
}
