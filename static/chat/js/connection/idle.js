/**
 * Detects that the reader is away: no input for five minutes in any tab of this browser. Publishes it, and tells the room.
 *
 * Scrolling is no input, because the list also scrolls by itself when a message comes.
 */
import { APP_LAUNCHED, CONNECTION_CHANGED, ROOM_WELCOMED, SEND_COMMAND, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";
import { now } from "../kit/elapsed.js";
import { watchLooks } from "../kit/page-focus.js";
import { openStore } from "../kit/store.js";
import { idleChanged } from "./signals.js";

const IDLE_MS = 5 * 60_000;
const SHARE_MS = 20_000; // Precise enough for other tabs, compared with five minutes.
const KEY = "active";
const SIGNS = ["keydown", "pointerdown", "pointermove", "wheel"];

/** @param {Mounting} at */
export function mount({ events }) {
  const store = openStore("localStorage");
  let activeAt = now();
  let sharedAt = -Infinity;
  let isIdle = false;
  let connection = "idle";
  let isUntold = false;
  let timer = null;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: live,
      [CONNECTION_CHANGED]({ state }) {
        connection = state;
      },
      [ROOM_WELCOMED]: () => isUntold && tell(),
    }),
    ...SIGNS.map((sign) => listen(document, sign, live, { capture: true, passive: true })),
    watchLooks((isLooked) => isLooked && live()),
    store.watch(KEY, () => note(now())),
  ];
  wait();

  function live() {
    const at = now();
    if (at - sharedAt > SHARE_MS) {
      sharedAt = at;
      store.set(KEY, Date.now()); // A new value each time, so that other tabs get an event.
    }
    note(at);
  }

  function note(at) {
    activeAt = at;
    if (isIdle) become(false);
  }

  function wait() {
    clearTimeout(timer);
    const left = activeAt + IDLE_MS - now();
    if (left > 0) timer = setTimeout(wait, left);
    else become(true);
  }

  function become(next) {
    isIdle = next;
    if (!isIdle) wait();
    idleChanged.emit({ isIdle });
    if (connection === "joined") tell();
    else isUntold = connection === "connecting"; // The pending join may have the former state. A later one will have this.
  }

  function tell() {
    isUntold = false;
    events.publish(SEND_COMMAND, { command: { type: "away", on: isIdle } });
  }

  return function unmount() {
    ends.forEach((end) => end());
    clearTimeout(timer);
  };
}
