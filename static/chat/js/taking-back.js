/** Asks before a message of mine is taken back: its words are gone then. */
import { AMEND_MESSAGE, MENU_CHOSEN, TAKE_BACK, subscribeAll } from "./events.js";
import { listen, slot } from "./lib/dom.js";

export function mount({ events, root }) {
  let asked = null; // The seq.

  const ends = [
    subscribeAll(events, {
      [MENU_CHOSEN]: ({ entry, subject }) => entry === "take-back" && ask(subject.seq),
      [TAKE_BACK]: ({ seq }) => ask(seq),
    }),
    listen(slot(root, "confirm"), "click", () => {
      root.close();
      events.publish(AMEND_MESSAGE, { type: "delete", seq: asked });
    }),
    listen(slot(root, "cancel"), "click", () => root.close()),
    listen(root, "click", ({ target }) => target === root && root.close()), // Beside it.
  ];

  function ask(seq) {
    asked = seq;
    root.showModal();
  }

  return function unmount() {
    ends.forEach((end) => end());
    root.close();
  };
}
