// While the focus is in one of these, Escape is theirs.
const TAKES_ESCAPE = ".modal, .offcanvas-md:is(.show, .hiding), [popover], .search";

/** An Escape that nothing else on the page takes. */
export function isFreeEscape(event) {
  return event.key === "Escape" && !event.defaultPrevented && !event.isComposing && !event.target.closest?.(TAKES_ESCAPE);
}
