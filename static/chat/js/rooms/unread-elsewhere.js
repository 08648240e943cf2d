/** On narrow screens: a dot on the sidebar's button for unread messages in another room. */
import { ROOMS_CHANGED, subscribeAll } from "../app/events.js";
import { setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);

  return subscribeAll(events, {
    [ROOMS_CHANGED]({ rooms }) {
      const isMentioned = rooms.some(({ mentions }) => mentions > 0);
      const isUnread = rooms.some(({ unread }) => unread > 0);
      root.hidden = !isUnread;
      root.classList.toggle("has-mentions", isMentioned);
      setText(slot(root, "text"), isMentioned ? word("mentioned") : isUnread ? word("unread") : "");
    },
  });
}
