/** Covers the page for somebody who was banned: there is nothing left to do here. */
import { CONNECTION_CHANGED, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";

export function mount({ events, root }) {
  const ends = [
    subscribeAll(events, {
      [CONNECTION_CHANGED]({ state, reason }) {
        if (state === "stopped" && reason === "banned" && !root.open) root.showModal();
      },
    }),
    listen(root, "cancel", (event) => event.preventDefault()), // Escape leads nowhere.
  ];

  return function unmount() {
    ends.forEach((end) => end());
    root.close();
  };
}
