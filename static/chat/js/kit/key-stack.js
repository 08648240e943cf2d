/**
 * Decides who gets Escape. The topmost layer closes first, independent of the modules' mount order.
 *
 * The browser closes dialogs and popovers itself while they have the focus.
 */

// The layers, from the first to close to the last.
export const SUGGESTIONS = 0; // Suggestions for the text that is being written.
export const HINT = 1; // A hint over the page for the focused element.
export const PANEL = 2; // A panel with the focus inside.
export const COMPOSER = 3; // The composer while it isn't for a new message.
export const BAR = 4; // A bar in the page.
export const FILTER = 5; // The filtered timeline.
export const LEAVE = 6; // The frame that another page has opened.

const takers = new Map(); // rank -> takers
let listening = false;

/** Calls `take(event)` for an Escape that no lower rank has handled. It returns whether it did. Returns a function that stops it. */
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
