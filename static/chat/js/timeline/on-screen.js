/** Which messages are on the screen, and where. `scroller` scrolls them, `items` are their nodes, oldest first. */
import { firstThat } from "./first-that.js";

export function seqOf(item) {
  return Number(item.dataset.seq);
}

/** What is read of a message, not its whole item: a day or a name above it may go when older messages come. */
export function bodyOf(item) {
  return item.querySelector("[data-anchor]");
}

/** How far below the top of the view `body` begins, and how high it is. */
export function placeOf(body, scroller) {
  const { top, height } = body.getBoundingClientRect();
  return { distance: top - scroller.getBoundingClientRect().top, height };
}

/** The seqs of the first and last one. */
export function spanOf(items, scroller) {
  const { top, bottom } = scroller.getBoundingClientRect();
  const oldest = Math.min(items.length - 1, firstBelow(items, top));
  const newest = Math.max(oldest, firstBelow(items, bottom + 1) - 1); // Of one that is taller than the screen, the part.
  return { oldest: seqOf(items[oldest]), newest: seqOf(items[newest]) };
}

/**
 * What the reader reads: `{seq, body, distance, height}`.
 *
 * The first one that is whole, so that what happens to one that the edge cuts moves nothing below it; that one where it is all there is.
 */
export function anchorOf(items, scroller) {
  const { top, height } = scroller.getBoundingClientRect();
  let read = null;
  for (let index = firstBelow(items, top); index < items.length; index += 1) {
    const box = bodyOf(items[index]).getBoundingClientRect();
    if (box.bottom <= top) continue;
    if (!read || box.top < top + height / 2) read = items[index];
    if (box.top >= top) break;
  }
  read ??= items[items.length - 1];
  return read ? anchoredAt(read, scroller) : null;
}

/** `edge` is where the top of the scroller is in the window. */
export function anchoredAt(item, scroller) {
  const body = bodyOf(item);
  return { seq: seqOf(item), body, edge: scroller.getBoundingClientRect().top, ...placeOf(body, scroller) };
}

/** The index of the first one that ends below `y`. */
function firstBelow(items, y) {
  return firstThat(items, (item) => item.getBoundingClientRect().bottom > y);
}
