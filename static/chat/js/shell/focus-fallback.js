/** Moves the focus to the messages if the focused element disappears, such as a closed notice. */
import { listen } from "../kit/dom.js";

/** @param {Mounting} at */
export function mount({ root }) {
  return listen(document, "focusout", ({ target, relatedTarget }) => {
    if (relatedTarget) return;
    // The module that removed it may choose a better place.
    requestAnimationFrame(() => {
      if (document.activeElement !== document.body || isThere(target)) return;
      root.focus({ preventScroll: true });
    });
  });
}

function isThere(element) {
  return element.isConnected && element.checkVisibility({ visibilityProperty: true });
}
