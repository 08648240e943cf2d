/** Where the reader is: sticks to the newest only at the bottom, holds the place otherwise, and offers the way down. */
import {
  FILTER_CHANGED,
  LIST_DRAWN,
  LOAD_NEWER,
  LOAD_OLDER,
  MESSAGE_DRAWN,
  ROOM_WELCOMED,
  SEND_MESSAGE,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_MISSED,
  TIMELINE_RESET,
  VIEW_MOVED,
  subscribeAll,
} from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { firstThat } from "./lib/first-that.js";
import { readWords } from "./lib/words.js";

const BOTTOM_PX = 32; // So near to the end counts as being there.
const AHEAD_PX = 400; // What comes next is asked for before the reader runs into the end; on a tall screen, a screen before.
const TARGET_MS = 4_000; // A message that a link led to is marked for so long.

export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const scroller = slot(root, "scroller");
  const content = slot(root, "content");
  const button = slot(root, "jump");
  let me = null;
  let isStuck = true;
  let anchor = null; // What is read at the top of the view, and where: what must not move.
  let lastTop = 0;
  let lastSize = "";
  let unseen = 0;
  let isFiltered = false;
  let isOld = false; // An old place is shown, with a gap between it and the newest.
  let isCut = false; // The newest are held, but have no nodes.
  let frame = null;
  let target = null;
  let targetTimer = null;

  // Runs after layout and before painting, so nobody sees the list out of place.
  const observer = new ResizeObserver(settle);
  observer.observe(scroller);
  observer.observe(content);

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: (welcome) => (me = welcome.me.id),
      [TIMELINE_RESET]({ newer }) {
        isOld = newer;
        stick();
      },
      [TIMELINE_EXTENDED]({ newer }) {
        isOld = newer;
        showButton();
      },
      [LIST_DRAWN]({ hasBelow }) {
        isCut = hasBelow;
        if (!isStuck) hold(); // What comes and goes may be of one size: then the observer sees nothing.
        settleSoon();
        showButton();
      },
      [MESSAGE_DRAWN]: show,
      [FILTER_CHANGED]({ filter }) {
        isFiltered = filter !== null;
      },
      [SEND_MESSAGE]: toNewest,
      [TIMELINE_CHANGED]: count,
      [TIMELINE_MISSED]: (missed) => !isFiltered && count(missed), // What a filter hides doesn't wait below.
    }),
    listen(scroller, "scroll", look, { passive: true }),
    listen(scroller, "keydown", (event) => {
      if (event.key !== "End" || !isBehind() || event.target.closest("input, textarea")) return;
      event.preventDefault();
      toNewest();
    }),
    listen(button, "click", toNewest),
  ];

  function isBehind() {
    return isOld || isCut;
  }

  function count({ added }) {
    settleSoon(); // Where there is little, the content's size doesn't change.
    if (isStuck) return;
    unseen += added.filter((message) => message.author.id !== me).length;
    showButton();
  }

  function look() {
    // A resize moved it, not the reader, and the observer wasn't there yet.
    if (sizeNow() !== lastSize) hold();
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const isUp = scrollTop < lastTop;
    const isDown = scrollTop > lastTop;
    const left = scrollHeight - scrollTop - clientHeight;
    // Unstuck only by moving up: a list that grew since it was held is no wish of the reader.
    isStuck = !isBehind() && (left < BOTTOM_PX || (isStuck && !isUp));
    if (isStuck) unseen = 0;
    anchor = isStuck ? null : findAnchor();
    lastTop = scrollTop;
    tellView();
    const ahead = Math.max(AHEAD_PX, clientHeight);
    if (isUp && scroller.scrollTop < ahead) events.publish(LOAD_OLDER);
    if (isDown && isOld && left < ahead) events.publish(LOAD_NEWER);
    showButton();
  }

  function settleSoon() {
    frame ??= requestAnimationFrame(settle);
  }

  function settle() {
    cancelAnimationFrame(frame);
    frame = null;
    hold();
    tellView();
  }

  function hold() {
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const left = scrollHeight - scrollTop - clientHeight;
    // The reader may have moved it and the event not come yet. At the end, it's the browser that moved it, because there is less below.
    const moved = isStuck || left < 1 ? 0 : scrollTop - lastTop;
    if (isStuck && left >= 1) scroller.scrollTop = scrollHeight;
    if (!isStuck && anchor?.body.isConnected) {
      const { distance, height } = place(anchor.body);
      // In the middle of a long message that wraps otherwise now, as far into it as before.
      const kept = anchor.distance < 0 ? (anchor.distance * height) / anchor.height : anchor.distance;
      const off = distance - (kept - moved);
      if (Math.abs(off) >= 0.5) scroller.scrollTop += off;
    }
    lastTop = scroller.scrollTop - moved;
    lastSize = sizeNow();
  }

  function sizeNow() {
    return `${scroller.clientWidth} ${scroller.clientHeight}`;
  }

  /** What is read, not its whole item: a day or a name above it may go when older messages come. */
  function findAnchor() {
    const { top } = scroller.getBoundingClientRect();
    const items = content.querySelectorAll("[data-seq]");
    let index = firstThat(items, (item) => item.getBoundingClientRect().bottom > top);
    let body = null;
    for (; index < items.length && !body; index += 1) {
      const read = items[index].querySelector("[data-anchor]");
      if (read.getBoundingClientRect().bottom > top) body = read;
    }
    body ??= items[items.length - 1]?.querySelector("[data-anchor]");
    return body ? { body, ...place(body) } : null;
  }

  function place(body) {
    const { top, height } = body.getBoundingClientRect();
    return { distance: top - scroller.getBoundingClientRect().top, height };
  }

  /** Says what is on the screen. */
  function tellView() {
    const { top, bottom } = scroller.getBoundingClientRect();
    const items = content.querySelectorAll("[data-seq]");
    if (!items.length) return;
    const oldest = Math.min(items.length - 1, firstThat(items, (item) => item.getBoundingClientRect().bottom > top));
    const behind = firstThat(items, (item) => item.getBoundingClientRect().bottom > bottom + 1);
    const newest = Math.max(oldest, behind - 1); // Of one that is taller than the screen, the part.
    events.publish(VIEW_MOVED, { oldest: seqOf(items[oldest]), newest: seqOf(items[newest]), isAtEnd: isStuck });
  }

  function seqOf(item) {
    return Number(item.dataset.seq);
  }

  function show({ seq }) {
    unmark();
    // A seq that is no message's: what came next.
    target = [...content.querySelectorAll("[data-seq]")].find((item) => seqOf(item) >= seq);
    if (!target) return;
    isStuck = false;
    target.scrollIntoView({ block: "center" });
    lastTop = scroller.scrollTop;
    anchor = findAnchor();
    target.classList.add("is-target");
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    targetTimer = setTimeout(unmark, TARGET_MS);
    tellView();
    showButton();
  }

  function unmark() {
    clearTimeout(targetTimer);
    target?.classList.remove("is-target");
  }

  function toNewest() {
    if (isBehind()) events.publish(SHOW_NEWEST);
    stick();
  }

  function stick() {
    isStuck = true;
    unseen = 0;
    hold();
    showButton();
  }

  function showButton() {
    button.hidden = isStuck && !isBehind();
    button.classList.toggle("has-news", unseen > 0);
    setText(slot(button, "text"), unseen ? plural("new", unseen) : word("newest"));
  }

  return function unmount() {
    observer.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(targetTimer);
    ends.forEach((end) => end());
  };
}
