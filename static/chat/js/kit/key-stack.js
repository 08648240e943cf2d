/**
 * Decides who gets Escape. The topmost layer closes first, independent of the modules' mount order.
 *
 * The browser closes dialogs and popovers itself while they have the focus.
 */

/** From what closes first to what closes last. */
export const SUGGESTIONS = 0; // Belong to what is being written.
export const HINT = 1; // Lies over the page, and belongs to what has the focus.
export const PANEL = 2; // Has the focus inside.
export const COMPOSER = 3; // Is for another thing than a new message.
export const BAR = 4; // Stands in the page.
export const FILTER = 5; // Is the page.

const takers = new Map(); // rank -> takers
let listening = false;

/** `take(event)` is called for an Escape that nothing of a lower rank has taken; it says whether it took it. Returns the way to stop. */
export function takeEscape(rank, take) {
  if (!listening) document.addEventListener("keydown", onKeydown);
  listening = true;
  if (!takers.has(rank)) takers.set(rank, new Set());
  takers.get(rank).add(take);
  return () => takers.get(rank).delete(take);
}

function onKeydown(event) {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
  if (event.target.closest?.("dialog, :popover-open")) return;
  for (const rank of [...takers.keys()].sort()) {
    for (const take of takers.get(rank)) {
      if (!take(event)) continue;
      event.preventDefault();
      return;
    }
  }
}
