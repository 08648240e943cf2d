/** Offers a reload when the server runs a newer build than this page came from. */
import { ROOM_WELCOMED, subscribeAll } from "../app/events.js";
import { listen, slot } from "../kit/dom.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const mine = document.body.dataset.build;
  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]({ build }) {
        root.hidden = !build || build === mine;
      },
    }),
    listen(slot(root, "reload"), "click", () => location.reload()),
    listen(slot(root, "later"), "click", () => (root.hidden = true)),
  ];
  return () => ends.forEach((end) => end());
}
