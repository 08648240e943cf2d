/** Reads new messages of others to a screen reader, politely: the list itself stays silent, or every reload would be read out. */
import { FILTER_CHANGED, ROOM_WELCOMED, TIMELINE_CHANGED, TIMELINE_MISSED, subscribeAll } from "./events.js";
import { actionOf } from "./lib/commands.js";
import { slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

const KEEP = 5; // Old lines are of no use to anybody.

export function mount({ events, root }) {
  const { word } = readWords(root);
  const lines = slot(root, "lines");
  let me = null;
  let isFiltered = false;

  function say({ added }) {
    for (const { author, body } of added) {
      if (author.id === me) continue;
      const line = document.createElement("p");
      const action = actionOf(body);
      line.textContent = action ? word("acts", { name: author.name, action }) : word("says", { name: author.name, body });
      lines.append(line);
      while (lines.children.length > KEEP) lines.firstElementChild.remove();
    }
  }

  return subscribeAll(events, {
    [ROOM_WELCOMED]: (welcome) => (me = welcome.me.id),
    [FILTER_CHANGED]: ({ filter }) => (isFiltered = filter !== null),
    [TIMELINE_CHANGED]: say,
    [TIMELINE_MISSED]: (missed) => !isFiltered && say(missed), // At an old place one wants to hear the room, behind a filter not.
  });
}
