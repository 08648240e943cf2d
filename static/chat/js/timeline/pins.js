/** Nodes that must be kept when messages far away lose theirs: the focus, a selection, an open menu. */

/** Something in `item` is selected, has the focus, is open, or is marked with `data-keep`. */
export function isPinned(item) {
  const selection = document.getSelection();
  const isSelected = selection && !selection.isCollapsed && selection.containsNode(item, true);
  return isSelected || item.contains(document.activeElement) || item.querySelector("[aria-expanded='true'], [data-keep]") !== null;
}

/** Before `item` goes: the focus, if it is in there, moves to what it is in, so that the keys go on scrolling that. */
export function keepFocus(item) {
  if (item?.contains(document.activeElement)) item.parentElement.closest("[tabindex]")?.focus({ preventScroll: true });
}
