/** Counts the words of messages since the page was opened. The example of docs/front-end.md. */
import { MESSAGE_ARRIVED, subscribeAll } from "../app/events.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  let count = 0;

  const end = subscribeAll(events, {
    [MESSAGE_ARRIVED]({ body }) {
      count += body.split(/\s+/).filter(Boolean).length;
      root.textContent = String(count);
    },
  });

  root.textContent = "0";
  return function unmount() {
    end();
    root.textContent = "";
  };
}
