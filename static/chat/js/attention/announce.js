/** Announces new messages of others to screen readers, politely. The list itself stays silent: otherwise every reload would be read out. */
import { FILTER_CHANGED, SESSION_CHANGED, TIMELINE_CHANGED, TIMELINE_MISSED, subscribeAll } from "../app/events.js";
import { actionOf } from "../kit/commands.js";
import { slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";

const KEEP = 5; // Lines. Older ones are useless.

/** @param {Mounting} at */
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
    [SESSION_CHANGED]: (session) => (me = session.id),
    [FILTER_CHANGED]: ({ filter }) => (isFiltered = filter !== null),
    [TIMELINE_CHANGED]: say,
    [TIMELINE_MISSED]: (missed) => !isFiltered && say(missed), // Announced at an old place, but not behind a filter.
  });
}
