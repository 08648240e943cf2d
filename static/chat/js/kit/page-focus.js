/** Whether the reader looks at this page: it is visible, and its window has the focus. */
import { listen } from "./dom.js";

export function isLookedAt() {
  return !document.hidden && document.hasFocus();
}

/** Calls `handler(isLookedAt)` when that may have changed. Returns a function that stops it. */
export function watchLooks(handler) {
  const notify = () => handler(isLookedAt());
  const ends = [listen(document, "visibilitychange", notify), listen(window, "focus", notify), listen(window, "blur", notify)];
  return () => ends.forEach((end) => end());
}
