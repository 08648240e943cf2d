/** Asks before an own message is deleted. */
import { AMEND_MESSAGE, MENU_CHOSEN, DELETE_MESSAGE, subscribeAll } from "../app/events.js";
import { makeDialog } from "../kit/dialog.js";
import { listen, slot } from "../kit/dom.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const confirm = slot(root, "confirm");
  const dialog = makeDialog(root, { first: confirm });
  let asked = 0; // The seq.

  const ends = [
    subscribeAll(events, {
      [MENU_CHOSEN]: ({ entry, subject }) => entry === "delete-own" && ask(subject.seq),
      [DELETE_MESSAGE]: ({ seq }) => ask(seq),
    }),
    listen(confirm, "click", () => {
      dialog.hide();
      events.publish(AMEND_MESSAGE, { type: "delete", seq: asked });
    }),
  ];

  function ask(seq) {
    asked = seq;
    dialog.show();
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}
