/** Finds the messages on the screen and their positions. `scroller` scrolls them, `items` are their nodes, oldest first. */
import { firstThat } from "./first-that.js";

export function seqOf(item) {
  return Number(item.dataset.seq);
}

/** The body of a message's item. The day or name above it may disappear when older messages are loaded. */
export function bodyOf(item) {
  return item.querySelector("[data-anchor]");
}

/** The distance of `body` below the top of the view, and its height, in pixels. */
export function placeOf(body, scroller) {
  const { top, height } = body.getBoundingClientRect();
  return { distance: top - scroller.getBoundingClientRect().top, height };
}

/** The seqs of the first and last message on the screen. */
export function spanOf(items, scroller) {
  const { top, bottom } = scroller.getBoundingClientRect();
  const oldest = Math.min(items.length - 1, firstBelow(items, top));
  const newest = Math.max(oldest, firstBelow(items, bottom + 1) - 1); // A message taller than the screen counts, too.
  return { oldest: seqOf(items[oldest]), newest: seqOf(items[newest]) };
}

/**
 * The message that the reader reads: `{seq, body, distance, height}`.
 *
 * It is the first whole message, so that a change of one at the edge moves nothing below it. If none is whole, it is the one at the edge.
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

/** The same for `item`. `edge` is the position of the scroller's top in the window. */
export function anchoredAt(item, scroller) {
  const body = bodyOf(item);
  return { seq: seqOf(item), body, edge: scroller.getBoundingClientRect().top, ...placeOf(body, scroller) };
}

/** The index of the first item that ends below `y`. */
export function firstBelow(items, y) {
  return firstThat(items, (item) => item.getBoundingClientRect().bottom > y);
}
