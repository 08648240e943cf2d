/** The setting in the room's menu that says whether Enter sends. Each browser has its own. */
import { MENU_CHOSEN } from "../app/events.js";
import { listen } from "../kit/dom.js";
import { ON_SCREEN_KEYBOARD } from "../kit/keys.js";
import { enterSends, KEY, store } from "./enter-key.js";
import { enterKeyChanged } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events }) {
  /** @type {NodeListOf<HTMLElement>} */
  const entries = document.querySelectorAll("[data-entry=enter-sends]");
  const ends = [
    events.subscribe(MENU_CHOSEN, ({ entry }) => {
      if (entry !== "enter-sends") return;
      store.set(KEY, !enterSends());
      show();
    }),
    store.watch(KEY, show),
    listen(ON_SCREEN_KEYBOARD, "change", show),
  ];
  show();

  function show() {
    for (const entry of entries) entry.setAttribute("aria-checked", String(enterSends()));
    enterKeyChanged.emit();
  }

  return function unmount() {
    ends.forEach((end) => end());
  };
}
