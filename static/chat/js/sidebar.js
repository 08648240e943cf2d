/** On a narrow screen the sidebar slides over the messages: choosing something in it closes it. */
import { OPEN_SCREEN_NAME, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";

export function mount({ events, root }) {
  const close = () => bootstrap.Offcanvas.getInstance(root)?.hide();
  const ends = [
    subscribeAll(events, { [OPEN_SCREEN_NAME]: close }),
    // Not a button beside one: who adds a member may want to add another.
    listen(root, "click", ({ target }) => target.closest("a") && close()),
  ];
  return () => ends.forEach((end) => end());
}
