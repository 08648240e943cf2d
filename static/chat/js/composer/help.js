/** The dialog with formatting help and commands. */
import { FOCUS_COMPOSER, MENU_CHOSEN, subscribeAll } from "../app/events.js";
import { makeDialog } from "../kit/dialog.js";
import { openHelp } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const dialog = makeDialog(root, { first: root.querySelector(".dialog-body"), otherwise: () => events.publish(FOCUS_COMPOSER) });
  const ends = [
    subscribeAll(events, {
      [MENU_CHOSEN]: ({ entry }) => entry === "help" && dialog.show(),
    }),
    openHelp.listen(dialog.show),
  ];

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}
