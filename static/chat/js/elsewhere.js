/** On a narrow screen, where the rooms are behind a button: a dot on it says that there is something unread in another one. */
import { ROOMS_CHANGED, subscribeAll } from "./events.js";
import { setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const { word } = readWords(root);

  return subscribeAll(events, {
    [ROOMS_CHANGED]({ rooms }) {
      const isCalled = rooms.some(({ called }) => called > 0);
      const isUnread = rooms.some(({ unread }) => unread > 0);
      root.hidden = !isUnread;
      root.classList.toggle("is-called", isCalled);
      setText(slot(root, "text"), isCalled ? word("called") : isUnread ? word("unread") : "");
    },
  });
}
