/** Positions a popover beside its button. */

const GAP = 4; // Pixels between the two, and at least that many to the window's edge.

/** Puts `element` below `anchor` (a rectangle), or above it if there is no room. Their ends align, inside the window. */
export function placeBeside(element, anchor) {
  const { width, height } = element.getBoundingClientRect();
  const isRtl = document.documentElement.dir === "rtl";
  const left = isRtl ? anchor.left : anchor.right - width;
  const below = anchor.bottom + GAP;
  // The part of the window that an on-screen keyboard leaves. iOS puts it over the page.
  const { offsetTop: start = 0, height: space = innerHeight } = visualViewport ?? {};
  const end = start + space;
  const top = below + height + GAP > end ? anchor.top - GAP - height : below;
  element.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
  element.style.top = `${Math.max(start + GAP, Math.min(top, end - height - GAP))}px`;
}
