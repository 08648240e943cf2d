/** The text for a filter without matching messages. The message list shows and hides it. */
import { FILTER_CHANGED, NAMES_CHANGED, subscribeAll } from "../app/events.js";
import { setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  let names = new Map();
  let filter = null;

  function show() {
    if (!filter) return;
    const { authors, mentions, links } = filter;
    const [kind, ...others] = [authors.length && "authors", mentions && "mentions", links && "links"].filter(Boolean);
    setText(slot(root, "title"), others.length ? word("both") : kind === "authors" ? ofAuthors(authors) : word(kind));
    setText(slot(root, "text"), word(others.length ? "then-both" : kind === "authors" ? "then" : `then-${kind}`));
  }

  function ofAuthors([id, ...others]) {
    if (others.length) return word("authors");
    return names.has(id) ? word("author", { name: names.get(id) }) : word("author-unknown");
  }

  return subscribeAll(events, {
    [FILTER_CHANGED](changed) {
      filter = changed.filter;
      show();
    },
    [NAMES_CHANGED](known) {
      names = known.names;
      show();
    },
  });
}
