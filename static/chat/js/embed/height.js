/** How high a frame must be to show the whole room. */

/** In pixels: the messages' height, and that of everything around them. */
export function measure(root) {
  const scroller = root.querySelector('[data-slot="scroller"]');
  const content = scroller.firstElementChild;
  const shown = [...content.children].filter((child) => child.getClientRects().length);
  if (!shown.length) return 0;
  const { paddingBlockStart, paddingBlockEnd } = getComputedStyle(content);
  const top = Math.min(...shown.map((child) => child.getBoundingClientRect().top));
  const bottom = Math.max(...shown.map((child) => child.getBoundingClientRect().bottom));
  return Math.ceil(innerHeight - scroller.clientHeight + bottom - top + parseFloat(paddingBlockStart) + parseFloat(paddingBlockEnd));
}
