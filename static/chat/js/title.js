/** The tab's title: the room, and how many messages came while nobody looked. */
import { ROOM_WELCOMED, TIMELINE_CHANGED, TIMELINE_MISSED, subscribeAll } from "./events.js";
import { listen } from "./lib/dom.js";
import { formatNumber } from "./lib/words.js";

export function mount({ events, root }) {
  const plain = document.title;
  let base = plain;
  let unseen = 0;
  let me = null;

  function show() {
    document.title = unseen ? `(${formatNumber(unseen)}) ${base}` : base;
  }

  function count({ added }) {
    if (!document.hidden) return;
    unseen += added.filter((message) => message.author.id !== me).length;
    show();
  }

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED](welcome) {
        me = welcome.me.id;
        base = `${welcome.room.title} · ${root.dataset.site}`;
        show();
      },
      [TIMELINE_CHANGED]: count,
      [TIMELINE_MISSED]: count,
    }),
    listen(document, "visibilitychange", () => {
      if (document.hidden) return;
      unseen = 0;
      show();
    }),
  ];

  return function unmount() {
    ends.forEach((end) => end());
    document.title = plain;
  };
}
