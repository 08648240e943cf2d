/** Where the reader is: sticks to the newest only at the bottom, holds the place otherwise, and offers the way down. */
import { FILTER_CHANGED, LOAD_OLDER, ROOM_WELCOMED, SEND_MESSAGE, TIMELINE_CHANGED, TIMELINE_RESET, subscribeAll } from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

const BOTTOM_PX = 32; // So near to the end counts as being there.
const OLDER_PX = 400; // Older messages are asked for before the reader runs into the top.

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

  // Runs after layout and before painting, so nobody sees the list out of place.
  const observer = new ResizeObserver(hold);
  observer.observe(scroller);
  observer.observe(content);

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: (welcome) => (me = welcome.me.id),
      [TIMELINE_RESET]: stick,
      [FILTER_CHANGED]: stick,
      [SEND_MESSAGE]: stick,
      [TIMELINE_CHANGED]({ added }) {
        if (isStuck) return;
        unseen += added.filter((message) => message.author.id !== me).length;
        showButton();
      },
    }),
    listen(scroller, "scroll", look, { passive: true }),
    listen(button, "click", stick),
  ];

  function look() {
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    // Unstuck only by moving up: a list that grew since it was held is no wish of the reader.
    isStuck = scrollHeight - scrollTop - clientHeight < BOTTOM_PX || (isStuck && scrollTop >= lastTop);
    if (isStuck) unseen = 0;
    anchor = isStuck ? null : findAnchor();
    if (scrollTop < lastTop && scrollTop < OLDER_PX) events.publish(LOAD_OLDER);
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

  function stick() {
    isStuck = true;
    unseen = 0;
    hold();
    showButton();
  }

  function showButton() {
    button.hidden = isStuck;
    button.classList.toggle("has-news", unseen > 0);
    setText(slot(button, "text"), unseen ? plural("new", unseen) : word("newest"));
  }

  return function unmount() {
    observer.disconnect();
    ends.forEach((end) => end());
  };
}
