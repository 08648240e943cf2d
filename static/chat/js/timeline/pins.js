/** Decides which distant messages keep their nodes: those with the focus, a selection or an open menu. */

/** Whether something in `item` is selected, has the focus, is open, or has `data-keep`. */
export function isPinned(item) {
  const selection = document.getSelection();
  const isSelected = selection && !selection.isCollapsed && selection.containsNode(item, true);
  return isSelected || item.contains(document.activeElement) || item.querySelector("[aria-expanded='true'], [data-keep]") !== null;
}

/** Moves the focus out of `item` to its scroller before it is removed, so that keys still scroll. */
export function keepFocus(item) {
  if (item?.contains(document.activeElement)) item.parentElement.closest("[tabindex]")?.focus({ preventScroll: true });
}
