/** Where the focus goes when what had it goes away, a bar that was closed, a button that has done its work: to the messages, and not to nowhere. */
import { listen } from "./lib/dom.js";

export function mount({ root }) {
  return listen(document, "focusout", ({ target, relatedTarget }) => {
    if (relatedTarget) return;
    // Whoever takes it away may have a better place for it.
    requestAnimationFrame(() => {
      if (document.activeElement !== document.body || isThere(target)) return;
      root.focus({ preventScroll: true });
    });
  });
}

function isThere(element) {
  return element.isConnected && element.checkVisibility({ visibilityProperty: true });
}
