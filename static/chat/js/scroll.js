/** Where the reader is: sticks to the newest only at the bottom, holds the place otherwise, and offers the way down. */
import {
  FILTER_CHANGED,
  LOAD_NEWER,
  LOAD_OLDER,
  MESSAGE_SHOWN,
  ROOM_WELCOMED,
  SEND_MESSAGE,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_MISSED,
  TIMELINE_RESET,
  subscribeAll,
} from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

const BOTTOM_PX = 32; // So near to the end counts as being there.
const AHEAD_PX = 400; // What comes next is asked for before the reader runs into the end.
const TARGET_MS = 4_000; // A message that a link led to is marked for so long.

export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const scroller = slot(root, "scroller");
  const content = slot(root, "content");
  const button = slot(root, "jump");
  let me = null;
  let isStuck = true;
  let anchor = null; // What is read at the top of the view, and how far from it: what must not move.
  let lastTop = 0;
  let unseen = 0;
  let isFiltered = false;
  let isBehind = false; // An old place is shown, with a gap between it and the newest.
  let target = null;
  let targetTimer = null;

  // Runs after layout and before painting, so nobody sees the list out of place.
  const observer = new ResizeObserver(hold);
  observer.observe(scroller);
  observer.observe(content);

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: (welcome) => (me = welcome.me.id),
      [TIMELINE_RESET]({ newer }) {
        isBehind = newer;
        stick();
      },
      [TIMELINE_EXTENDED]({ newer }) {
        isBehind = newer;
        showButton();
      },
      [MESSAGE_SHOWN]: show,
      [FILTER_CHANGED]({ filter }) {
        isFiltered = filter !== null;
      },
      [SEND_MESSAGE]: toNewest,
      [TIMELINE_CHANGED]: count,
      [TIMELINE_MISSED]: (missed) => !isFiltered && count(missed), // What a filter hides doesn't wait below.
    }),
    listen(scroller, "scroll", look, { passive: true }),
    listen(button, "click", toNewest),
  ];

  function count({ added }) {
    if (isStuck) return;
    unseen += added.filter((message) => message.author.id !== me).length;
    showButton();
  }

  function look() {
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    // Unstuck only by moving up: a list that grew since it was held is no wish of the reader.
    const left = scrollHeight - scrollTop - clientHeight;
    isStuck = !isBehind && (left < BOTTOM_PX || (isStuck && scrollTop >= lastTop));
    if (isStuck) unseen = 0;
    anchor = isStuck ? null : findAnchor();
    if (scrollTop < lastTop && scrollTop < AHEAD_PX) events.publish(LOAD_OLDER);
    if (isBehind && scrollTop > lastTop && left < AHEAD_PX) events.publish(LOAD_NEWER);
    lastTop = scrollTop;
    showButton();
  }

  function hold() {
    if (isStuck) scroller.scrollTop = scroller.scrollHeight;
    else if (anchor?.item.isConnected) scroller.scrollTop += distance(anchor.item) - anchor.distance;
    lastTop = scroller.scrollTop;
  }

  /** What is read, not its whole item: a day or a name above it may go when older messages come. Hidden ones have no place. */
  function findAnchor() {
    const { top } = scroller.getBoundingClientRect();
    const item = [...content.querySelectorAll("[data-anchor]")].find((body) => body.getBoundingClientRect().bottom > top);
    return item ? { item, distance: distance(item) } : null;
  }

  function distance(item) {
    return item.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
  }

  function show({ seq }) {
    unmark();
    // A seq that is no message's: what came next.
    target = [...content.querySelectorAll("[data-seq]")].find((item) => Number(item.dataset.seq) >= seq);
    if (!target) return;
    isStuck = false;
    target.scrollIntoView({ block: "center" });
    lastTop = scroller.scrollTop;
    anchor = findAnchor();
    target.classList.add("is-target");
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    targetTimer = setTimeout(unmark, TARGET_MS);
    showButton();
  }

  function unmark() {
    clearTimeout(targetTimer);
    target?.classList.remove("is-target");
  }

  function toNewest() {
    if (isBehind) events.publish(SHOW_NEWEST);
    stick();
  }

  function stick() {
    isStuck = true;
    unseen = 0;
    hold();
    showButton();
  }

  function showButton() {
    button.hidden = isStuck && !isBehind;
    button.classList.toggle("has-news", unseen > 0);
    setText(slot(button, "text"), unseen ? plural("new", unseen) : word("newest"));
  }

  return function unmount() {
    observer.disconnect();
    clearTimeout(targetTimer);
    ends.forEach((end) => end());
  };
}
