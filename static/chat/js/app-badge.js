/** The number on the installed page's icon: how often the reader was called, a dot where messages came that call nobody. */
import { ATTENTION_CHANGED } from "./events.js";

export function mount({ events }) {
  let isShown = false;

  const end = events.subscribe(ATTENTION_CHANGED, ({ unread, calls }) => {
    if (calls) show(calls);
    else if (unread) show();
    else clear();
  });

  function show(...number) {
    isShown = true;
    navigator.setAppBadge?.(...number).catch(() => {}); // Not installed, or not allowed: the title says it, too.
  }

  /** Only what was set here: the badge is one for all tabs. */
  function clear() {
    if (isShown) navigator.clearAppBadge?.().catch(() => {});
    isShown = false;
  }

  return function unmount() {
    end();
    clear();
  };
}
