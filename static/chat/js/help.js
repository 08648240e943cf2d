/** What can be written, and the commands: a dialog, on request. */
import { HELP_CLOSED, MENU_CHOSEN, OPEN_HELP, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";

export function mount({ events, root }) {
  const modal = bootstrap.Modal.getOrCreateInstance(root);
  const ends = [
    subscribeAll(events, {
      [OPEN_HELP]: () => modal.show(),
      [MENU_CHOSEN]: ({ entry }) => entry === "help" && modal.show(),
    }),
    listen(root, "hidden.bs.modal", () => events.publish(HELP_CLOSED)),
  ];

  return function unmount() {
    ends.forEach((end) => end());
    bootstrap.Modal.getInstance(root)?.dispose();
  };
}
