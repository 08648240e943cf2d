/** Says that the reader is somebody new to the server, which no longer took the old identity. */
import { IDENTITY_READY, subscribeAll } from "../app/events.js";
import { listen, slot } from "../kit/dom.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const ends = [
    subscribeAll(events, {
      [IDENTITY_READY]({ former }) {
        if (former) root.hidden = false;
      },
    }),
    listen(slot(root, "close"), "click", () => (root.hidden = true)),
  ];

  return function unmount() {
    ends.forEach((end) => end());
    root.hidden = true;
  };
}
