/** The bar that says when the room can't be reached, and how long until the next try. */
import { CONNECTION_CHANGED, IDENTITY_READY, RETRY_CONNECTION, subscribeAll } from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { countdown } from "../kit/time.js";
import { readWords } from "../kit/words.js";
import { identityDelayed, identityFailed } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural, has } = readWords(root);
  const announcement = slot(root, "announcement");
  const bar = slot(root, "bar");
  const text = slot(root, "text");
  const next = slot(root, "next");
  const retry = slot(root, "retry");
  let stopCountdown = () => {};
  let state = "idle";
  let reason = "lost";
  let wasJoined = false;
  let isUnknown = false; // The bar is about the identity, which is still missing.
  let latest = {};

  const ends = [
    subscribeAll(events, {
      [CONNECTION_CHANGED](change) {
        isUnknown = false;
        state = change.state;
        reason = change.reason ?? reason;
        wasJoined ||= state === "joined";
        show(change);
      },
      [IDENTITY_READY]() {
        if (!isUnknown) return;
        isUnknown = false;
        state = "idle"; // Without a name, there is no connection to report.
        show({});
      },
    }),
    identityFailed.listen(awaitIdentity),
    identityDelayed.listen(() => awaitIdentity({ reason: "delayed" })),
    listen(window, "online", () => show(latest)),
    listen(window, "offline", () => show(latest)),
    listen(retry, "click", () => events.publish(RETRY_CONNECTION)),
  ];

  function awaitIdentity(details) {
    isUnknown = true;
    state = "waiting";
    reason = details.reason;
    show(details);
  }

  function show(details) {
    latest = details;
    const { retryAt, isSlow } = details;
    stopCountdown();
    const isLost = state === "waiting" || state === "stopped" || (state === "connecting" && wasJoined);
    root.dataset.state = state;
    bar.hidden = !isLost || reason === "banned"; // A ban has its own screen: banned-screen.js.
    retry.hidden = state !== "waiting" || !retryAt || isSlow;
    setText(next, "");
    setText(announcement, isLost ? word(key()) : ""); // Without the seconds, which screen readers must not read.
    if (!isLost) return;
    bar.classList.toggle("is-final", state === "stopped");
    setText(text, word(key()));
    if (state === "connecting") setText(next, word("connecting"));
    if (retryAt) stopCountdown = countdown(retryAt, (seconds) => setText(next, seconds ? plural("next", seconds) : word("connecting")));
  }

  function key() {
    if (state !== "stopped" && !navigator.onLine) return "offline";
    return has(reason) ? reason : "lost";
  }

  return function unmount() {
    stopCountdown();
    ends.forEach((end) => end());
  };
}
