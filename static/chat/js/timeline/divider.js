/** Draws the line above the first new message. */
import { MESSAGE_FILLED, subscribeAll } from "../app/events.js";
import { arrangeAround } from "./grouping.js";
import { fromTemplate, slot } from "../kit/dom.js";
import { dividerMoved } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const line = fromTemplate(root, "divider");
  let seq = null;

  const ends = [
    subscribeAll(events, {
      [MESSAGE_FILLED]({ item, message }) {
        if (seq !== null && message.seq === seq) draw(item);
      },
    }),
    dividerMoved.listen((divider) => {
      seq = divider.seq;
      takeAway();
      const item = seq !== null && root.querySelector(`[data-seq="${seq}"]`);
      if (item) draw(item);
    }),
  ];

  /** Puts the line below the day of its message. */
  function draw(item) {
    slot(item, "day").after(line);
    if (item.isConnected) arrangeAround(item);
  }

  function takeAway() {
    const item = line.closest("li");
    line.remove();
    if (item?.isConnected) arrangeAround(item);
  }

  return function unmount() {
    ends.forEach((end) => end());
    takeAway();
  };
}
