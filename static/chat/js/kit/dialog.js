/** The page's only kind of dialog: a `<dialog>` (templates/chat/_dialog.html) that returns the focus when it closes. */
import { listen } from "./dom.js";

/** Whether something covers the page and has the focus inside: a dialog, or the sidebar of a narrow screen. */
export function isCovered() {
  return document.querySelector("dialog[open], .sidebar:popover-open") !== null;
}

/**
 * Returns `{show, hide, toggle, isShown, end}`. Escape, a press beside it and a `[data-close]` in it close it; `[data-dialog="<id>"]` anywhere
 * opens it.
 *
 * `first` gets the focus when it opens, otherwise the first control. `otherwise()` is called on closing if the former focus is gone.
 * @param {HTMLDialogElement} root
 * @param {{first?: HTMLElement | null, otherwise?: () => void}} [options]
 */
export function makeDialog(root, { first = null, otherwise = () => {} } = {}) {
  /** @type {Element | null} */
  let before = null;
  let isPressedBeside = false; // Otherwise a selection that ends beside it would close it.

  const ends = [
    listen(root, "pointerdown", ({ target }) => (isPressedBeside = target === root)),
    listen(root, "click", ({ target }) => (target.closest("[data-close]") || (target === root && isPressedBeside)) && hide()),
    listen(root, "close", giveBack),
    listen(document, "click", ({ target }) => target.closest?.(`[data-dialog="${root.id}"]`) && show()),
  ];

  function show() {
    if (!root.open) {
      // Other layers close first and return the focus.
      for (const other of document.querySelectorAll(":popover-open")) /** @type {HTMLElement} */ (other).hidePopover();
      for (const other of document.querySelectorAll("dialog[open]")) /** @type {HTMLDialogElement} */ (other).close();
      before = document.activeElement;
      root.showModal();
    }
    first?.focus();
  }

  function hide() {
    root.close();
  }

  function giveBack() {
    if (isCovered()) return; // The next dialog has the focus.
    const isThere = before && before !== document.body && before.isConnected && before.checkVisibility({ visibilityProperty: true });
    if (isThere) /** @type {HTMLElement} */ (before).focus();
    else otherwise();
  }

  function end() {
    ends.forEach((each) => each());
    root.close();
  }

  return { show, hide, toggle: () => (root.open ? hide() : show()), isShown: () => root.open, end };
}
