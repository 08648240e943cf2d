/** The reading place: follows the newest message only at the bottom, holds the place otherwise, and offers the way down. */
import {
  FILTER_CHANGED,
  LOAD_OLDER,
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
import { anchorOf, anchoredAt, bodyOf, placeOf, seqOf, spanOf } from "./on-screen.js";
import { readWords } from "../kit/words.js";
import { listRendered, loadNewer, messageRendered, messageUnfolded } from "./signals.js";

const BOTTOM_PX = 32; // So near to the end counts as being there.
const AHEAD_PX = 400; // What comes next is asked for before the reader runs into the end; on a tall screen, a screen before.
const TARGET_MS = 4_000; // A message that a link led to is marked for so long.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const scroller = slot(root, "scroller");
  const content = slot(root, "content");
  const button = slot(root, "jump");
  let me = null;
  let isStuck = true;
  let anchor = null; // What is read at the top of the view, and where. It must not move.
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
      [TIMELINE_TRIMMED]({ newer }) {
        isOld = newer;
        showButton();
      },
      [TIMELINE_CHANGED]: count,
      [TIMELINE_MISSED]: (missed) => !isFiltered && count(missed), // What a filter hides doesn't wait below.
    }),
    messageUnfolded.listen(holdUnfolded),
    listRendered.listen(({ hasBelow }) => {
      isCut = hasBelow;
      if (!isStuck) hold(); // What comes and goes may be of one size: then the observer sees nothing.
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
    followSoon(); // Where there is little, the content's size doesn't change.
    if (isStuck) return;
    unseen += added.filter((message) => message.author.id !== me).length;
    showButton();
  }

  function look() {
    // A resize or a change further up moved it, not the reader, and the observer wasn't there yet.
    if (!isStuck || sizeNow() !== lastSize) hold();
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const isUp = scrollTop < lastTop;
    const isDown = scrollTop > lastTop;
    const left = scrollHeight - scrollTop - clientHeight;
    // Unstuck only by moving up: growth isn't scrolling by the user.
    isStuck = isAtEnd() || (isStuck && !isUp && !isBehind());
    if (isStuck) unseen = 0;
    // What holding it moved doesn't change what is held: turned and turned back, a phone shows the same.
    if (isStuck) anchor = null;
    else if (isUp || isDown || !anchor?.body.isConnected) anchor = anchorOf(shownItems(), scroller);
    lastTop = scrollTop;
    tellView();
    const ahead = Math.max(AHEAD_PX, clientHeight);
    if (isUp && scroller.scrollTop < ahead) events.publish(LOAD_OLDER);
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
    // The browser moves it up where there is less below: to the end, or in a resize to what was the end on the way. Else it was the
    // reader, and the event is yet to come.
    const isCutShort = scrollTop < lastTop && (left < 1 || sizeNow() !== lastSize);
    const moved = isStuck || isCutShort ? 0 : scrollTop - lastTop;
    if (isStuck && left >= 1) scroller.scrollTop = scrollHeight;
    if (!isStuck && anchor?.body.isConnected) {
      const { distance, height } = placeOf(anchor.body, scroller);
      // In the middle of a long message that wraps otherwise now, as far into it as before. Never out of a view that has become low.
      const kept = anchor.distance < 0 ? (anchor.distance * height) / anchor.height : Math.min(anchor.distance, clientHeight / 2);
      const off = distance - (kept - moved);
      if (Math.abs(off) >= 0.5) scroller.scrollTop += off;
    }
    lastTop = scroller.scrollTop - moved;
    lastSize = sizeNow();
  }

  /** A bar above the messages moves them down in the window: what is read stays where it is in there. */
  function keepInWindow() {
    const { top } = scroller.getBoundingClientRect();
    if (!anchor) return;
    anchor.distance -= top - anchor.edge;
    anchor.edge = top;
  }

  /** What was opened grows downwards: its reader goes on where it was folded. */
  function holdUnfolded({ item }) {
    isStuck &&= isAtEnd();
    anchor = isStuck || !item.dataset.seq ? null : anchoredAt(item, scroller);
    followSoon();
    showButton();
  }

  function sizeNow() {
    return `${scroller.clientWidth} ${scroller.clientHeight}`;
  }

  /** Says what is on the screen. */
  function tellView() {
    const items = shownItems();
    if (!items.length) return;
    const read = anchor && { seq: anchor.seq, distance: anchor.distance };
    events.publish(VIEW_MOVED, { ...spanOf(items, scroller), isAtEnd: isStuck, read });
  }

  function shownItems() {
    return content.querySelectorAll("[data-seq]");
  }

  /**
   * Leads to a message; or, with `distance`, back to where it was read.
   * @param {Page.Reading} shown
   */
  function show({ seq, distance }) {
    unmark();
    // A seq that is no message's: what came next.
    target = [...shownItems()].find((item) => seqOf(item) >= seq);
    if (!target) return;
    if (distance === undefined) mark();
    else scroller.scrollTop += placeOf(bodyOf(target), scroller).distance - distance;
    isStuck = isAtEnd(); // Nothing may have scrolled.
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
    events.publish(SHOW_NEWEST); // Though they may show already: a message that was asked for must not come in their place.
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
