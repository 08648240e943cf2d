/** Covers the page of a banned person. */
import { CONNECTION_CHANGED, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const ends = [
    subscribeAll(events, {
      [CONNECTION_CHANGED]({ state, reason }) {
        if (state === "stopped" && reason === "banned" && !root.open) root.showModal();
      },
    }),
    listen(root, "cancel", (event) => event.preventDefault()), // Escape must not close it.
  ];

  return function unmount() {
    ends.forEach((end) => end());
    root.close();
  };
}
