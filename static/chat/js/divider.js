/** Draws the line above the first message that is new since the reader left. */
import { DIVIDER_MOVED, MESSAGE_FILLED, subscribeAll } from "./events.js";
import { arrangeAround } from "./lib/arrange.js";
import { fromTemplate, slot } from "./lib/dom.js";

export function mount({ events, root }) {
  const line = fromTemplate(root, "divider");
  let seq = null;

  const end = subscribeAll(events, {
    [DIVIDER_MOVED](divider) {
      seq = divider.seq;
      takeAway();
      const item = seq !== null && root.querySelector(`[data-seq="${seq}"]`);
      if (item) draw(item);
    },
    [MESSAGE_FILLED]({ item, message }) {
      if (seq !== null && message.seq === seq) draw(item);
    },
  });

  /** Below the day, which it is a part of. */
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
    end();
    takeAway();
  };
}
