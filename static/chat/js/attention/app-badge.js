/** The number on the installed page's icon: how often the reader was mentioned; a dot for messages without a mention. */
import { attentionChanged } from "./signals.js";

export function mount() {
  let isShown = false;

  const end = attentionChanged.listen(({ unread, mentions }) => {
    if (mentions) show(mentions);
    else if (unread) show();
    else clear();
  });

  function show(...number) {
    isShown = true;
    navigator.setAppBadge?.(...number).catch(() => {}); // Not installed or not allowed. The title has the number, too.
  }

  /** Clears the badge only if this tab set it, because all tabs share it. */
  function clear() {
    if (isShown) navigator.clearAppBadge?.().catch(() => {});
    isShown = false;
  }

  return function unmount() {
    end();
    clear();
  };
}
