/** Scrolling: follows the newest message at the bottom, keeps the reading position elsewhere, and has a button to the newest. */
import {
  FILTER_CHANGED,
  SEND_MESSAGE,
  SESSION_CHANGED,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_MISSED,
  TIMELINE_RESET,
  TIMELINE_TRIMMED,
  VIEW_MOVED,
  subscribeAll,
} from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { DayBar } from "./day-bar.js";
import { anchorOf, anchoredAt, bodyOf, placeOf, seqOf, spanOf } from "./on-screen.js";
import { readWords } from "../kit/words.js";
import { listRendered, loadNewer, loadOlder, messageRendered, messageUnfolded } from "./signals.js";

const BOTTOM_PX = 32; // Within this distance, the reader is at the end.
const AHEAD_PX = 400; // The distance to the end at which the next page is requested. On a tall screen, the screen's height.
const TARGET_MS = 4_000; // The time for which a link's message is highlighted.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const scroller = slot(root, "scroller");
  const content = slot(root, "content");
  const button = slot(root, "jump");
  const dayBar = new DayBar(slot(root, "day-bar"), scroller);
  let me = null;
  let isStuck = true;
  let anchor = null; // The message being read, and its position, which must not move.
  let lastTop = 0;
  let lastSize = "";
  let unseen = 0;
  let isFiltered = false;
  let isOld = false; // An old place is shown, with a gap between it and the newest.
  let isCut = false; // The newest messages have no nodes.
  let frame = null;
  let target = null;
  let targetTimer = null;

  // Runs after layout and before painting, so nobody sees the list out of place.
  const observer = new ResizeObserver(follow);
  observer.observe(scroller);
  observer.observe(content);

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [TIMELINE_RESET]({ newer }) {
        isOld = newer;
        stick();
      },
      [TIMELINE_EXTENDED]({ newer }) {
        isOld = newer;
        showButton();
      },
      [FILTER_CHANGED]({ filter }) {
        isFiltered = filter !== null;
      },
      [SEND_MESSAGE]: toNewest,
      [SHOW_NEWEST]: stick, // Back, from a message that was loaded with the newest ones.
      [TIMELINE_TRIMMED]({ newer }) {
        isOld = newer;
        showButton();
      },
      [TIMELINE_CHANGED]: count,
      [TIMELINE_MISSED]: (missed) => !isFiltered && count(missed), // Messages that a filter hides don't count.
    }),
    messageUnfolded.listen(holdUnfolded),
    listRendered.listen(({ hasBelow }) => {
      isCut = hasBelow;
      if (!isStuck) hold(); // If added and removed nodes have the same size, the observer isn't called.
      followSoon();
      showButton();
    }),
    messageRendered.listen(show),
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

  function isAtEnd() {
    return !isBehind() && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < BOTTOM_PX;
  }

  function count({ added }) {
    followSoon(); // With few messages, the content's size doesn't change.
    if (isStuck) return;
    unseen += added.filter((message) => message.author.id !== me).length;
    showButton();
  }

  function look() {
    // A resize or a change further up moved it, not the reader, and the observer wasn't called yet.
    if (!isStuck || sizeNow() !== lastSize) hold();
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const isUp = scrollTop < lastTop;
    const isDown = scrollTop > lastTop;
    const left = scrollHeight - scrollTop - clientHeight;
    // Unstuck only by moving up: growth isn't scrolling by the user.
    isStuck = isAtEnd() || (isStuck && !isUp && !isBehind());
    if (isStuck) unseen = 0;
    // Scrolling by `hold` keeps the anchor, so that a phone shows the same after being turned and turned back.
    if (isStuck) anchor = null;
    else if (isUp || isDown || !anchor?.body.isConnected) anchor = anchorOf(shownItems(), scroller);
    lastTop = scrollTop;
    tellView();
    const ahead = Math.max(AHEAD_PX, clientHeight);
    if (isUp && scroller.scrollTop < ahead) loadOlder.emit();
    if (isDown && isOld && left < ahead) loadNewer.emit();
    showButton();
  }

  function followSoon() {
    frame ??= requestAnimationFrame(follow);
  }

  function follow() {
    cancelAnimationFrame(frame);
    frame = null;
    hold();
    tellView();
  }

  function hold() {
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    keepInWindow();
    const left = scrollHeight - scrollTop - clientHeight;
    // The browser scrolls up if there is less content below: to the end, or during a resize to an intermediate end. Otherwise the reader
    // scrolled, and the event will follow.
    const isCutShort = scrollTop < lastTop && (left < 1 || sizeNow() !== lastSize);
    const moved = isStuck || isCutShort ? 0 : scrollTop - lastTop;
    if (isStuck && left >= 1) scroller.scrollTop = scrollHeight;
    if (!isStuck && anchor?.body.isConnected) {
      const { distance, height } = placeOf(anchor.body, scroller);
      // In a long message that wraps differently now, keep the relative position. In a lower view, keep it visible.
      const kept = anchor.distance < 0 ? (anchor.distance * height) / anchor.height : Math.min(anchor.distance, clientHeight / 2);
      const off = distance - (kept - moved);
      if (Math.abs(off) >= 0.5) scroller.scrollTop += off;
    }
    lastTop = scroller.scrollTop - moved;
    lastSize = sizeNow();
  }

  /** Keeps the reading position in the window when a bar above the messages moves them down. */
  function keepInWindow() {
    const { top } = scroller.getBoundingClientRect();
    if (!anchor) return;
    anchor.distance -= top - anchor.edge;
    anchor.edge = top;
  }

  /** Makes an unfolded message grow downwards, so that the reader continues where it was folded. */
  function holdUnfolded({ item }) {
    isStuck &&= isAtEnd();
    anchor = isStuck || !item.dataset.seq ? null : anchoredAt(item, scroller);
    followSoon();
    showButton();
  }

  function sizeNow() {
    return `${scroller.clientWidth} ${scroller.clientHeight}`;
  }

  /** Publishes the visible range. */
  function tellView() {
    const items = shownItems();
    dayBar.show(items);
    if (!items.length) return;
    const read = anchor && { seq: anchor.seq, distance: anchor.distance };
    events.publish(VIEW_MOVED, { ...spanOf(items, scroller), isAtEnd: isStuck, read });
  }

  function shownItems() {
    return content.querySelectorAll("[data-seq]");
  }

  /**
   * Scrolls to a message, or with `distance` back to its former position.
   * @param {Page.Reading} shown
   */
  function show({ seq, distance }) {
    unmark();
    // If no message has this seq, the next one.
    target = [...shownItems()].find((item) => seqOf(item) >= seq);
    if (!target) return;
    if (distance === undefined) mark();
    else scroller.scrollTop += placeOf(bodyOf(target), scroller).distance - distance;
    isStuck = isAtEnd(); // It may not have scrolled at all.
    lastTop = scroller.scrollTop;
    anchor = isStuck ? null : anchorOf(shownItems(), scroller);
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    tellView();
    showButton();
  }

  function mark() {
    target.scrollIntoView({ block: "center" });
    target.classList.add("is-target");
    targetTimer = setTimeout(unmark, TARGET_MS);
  }

  function unmark() {
    clearTimeout(targetTimer);
    target?.classList.remove("is-target");
  }

  function toNewest() {
    events.publish(SHOW_NEWEST); // Even if they are shown already: it cancels a requested message.
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
    button.classList.toggle("has-new", unseen > 0);
    setText(slot(button, "text"), unseen ? plural("new", unseen) : word("newest"));
  }

  return function unmount() {
    observer.disconnect();
    cancelAnimationFrame(frame);
    clearTimeout(targetTimer);
    ends.forEach((end) => end());
  };
}
