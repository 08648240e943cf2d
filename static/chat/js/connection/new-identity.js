/** The notice that the reader has a new identity, because the server refused the old one. */
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
