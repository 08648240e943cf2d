/** The head of the page: the room's title and how many are here. */
import { MEMBER_JOINED, MEMBER_LEFT, ROOM_PULSED, ROOM_WELCOMED, subscribeAll } from "./events.js";
import { setText, slot } from "./lib/dom.js";
import { formatNumber, readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const { plural } = readWords(root);

  function count({ online }) {
    setText(slot(root, "online"), plural("online", online));
    setText(slot(root, "count"), formatNumber(online));
  }

  return subscribeAll(events, {
    [ROOM_WELCOMED](welcome) {
      setText(slot(root, "title"), welcome.room.title);
      count(welcome);
    },
    [MEMBER_JOINED]: count,
    [MEMBER_LEFT]: count,
    [ROOM_PULSED]: count,
  });
}
