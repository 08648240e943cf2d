/** On a narrow screen the sidebar slides over the messages: choosing something in it closes it. */
import { FILTER_CHANGED, OPEN_SCREEN_NAME, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";

export function mount({ events, root }) {
  const close = () => bootstrap.Offcanvas.getInstance(root)?.hide();
  const ends = [
    subscribeAll(events, { [FILTER_CHANGED]: close, [OPEN_SCREEN_NAME]: close }),
    // The entry that is chosen already changes nothing in the URL.
    listen(root, "click", ({ target }) => target.closest("a") && close()),
  ];
  return () => ends.forEach((end) => end());
}
