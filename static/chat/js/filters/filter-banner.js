/** The banner of the active filter: names its conditions. Each can be removed, and all at once. */
import {
  FILTER_CHANGED,
  NAMESAKES_CHANGED,
  NAMES_CHANGED,
  SEARCH_EVERYWHERE,
  SEND_MESSAGE,
  SESSION_CHANGED,
  TIMELINE_MISSED,
  TOGGLE_FILTER,
  subscribeAll,
} from "../app/events.js";
import { fromTemplate, listen, setText, slot } from "../kit/dom.js";
import { locale } from "../kit/locale.js";
import { paintAvatar, tagOf } from "../kit/names.js";
import { readWords } from "../kit/words.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const list = slot(root, "chips");
  const everywhere = slot(root, "everywhere"); // The same kind of messages in all rooms.
  const sentence = new Intl.ListFormat(locale);
  let names = new Map();
  let namesakes = new Map();
  let filter = null;
  let parts = []; // The condition that each chip removes.
  let me = null;
  let isSending = false; // An own message isn't acknowledged yet.

  const ends = [
    subscribeAll(events, {
      [FILTER_CHANGED](changed) {
        filter = changed.filter;
        isSending = false;
        setText(slot(root, "sent"), "");
        show();
      },
      [NAMES_CHANGED](known) {
        names = known.names;
        show();
      },
      [NAMESAKES_CHANGED](shared) {
        namesakes = shared.numbers;
        show();
      },
      [SESSION_CHANGED]: (session) => (me = session.id),
      [SEND_MESSAGE]() {
        isSending = true;
        setText(slot(root, "sent"), "");
      },
      [TIMELINE_MISSED]({ added }) {
        if (!filter || !isSending || !added.some((message) => message.author.id === me)) return;
        isSending = false;
        setText(slot(root, "sent"), word("sent"));
      },
    }),
    listen(everywhere, "click", () => events.publish(SEARCH_EVERYWHERE, { kind: filter.mentions ? "mentions" : "links" })),
    listen(list, "click", ({ target }) => {
      const chip = target.closest("[data-slot=remove]")?.closest("li");
      if (chip) events.publish(TOGGLE_FILTER, parts[[...list.children].indexOf(chip)]);
    }),
  ];

  function show() {
    root.hidden = filter === null;
    if (filter === null) return;
    const { authors, mentions, links } = filter;
    const key = ["only", authors.length && "authors", mentions && "mentions", links && "links"].filter(Boolean).join("-");
    const shownNames = authors.map((id) => `\u2068${names.get(id) ?? word("somebody")}\u2069`);
    setText(slot(root, "text"), word(key).replace("{names}", () => sentence.format(shownNames)));
    parts = [...authors.map((id) => ({ authors: [id] })), ...[mentions && { mentions }, links && { links }].filter(Boolean)];
    everywhere.hidden = parts.length > 1 || authors.length > 0;
    const [only] = authors;
    setText(slot(root, "tag"), parts.length === 1 && only ? tagOf(namesakes, only, names.get(only) ?? "") : "");
    showChips();
  }

  /** Keeps the focus, or moves it to the next chip if its own was removed. */
  function showChips() {
    const focused = [...list.children].findIndex((chip) => chip.contains(document.activeElement));
    list.replaceChildren(...parts.map(chipOf));
    if (focused < 0) return;
    slot(list.children[Math.min(focused, parts.length - 1)], "remove").focus();
  }

  function chipOf(part) {
    const chip = fromTemplate(root, "chip");
    const [id] = part.authors ?? [];
    const name = id ? (names.get(id) ?? word("somebody")) : word(part.mentions ? "mentions" : "links");
    setText(slot(chip, "name"), name);
    setText(slot(chip, "tag"), id ? tagOf(namesakes, id, names.get(id) ?? "") : "");
    setText(slot(chip, "label"), word("remove", { condition: name }));
    slot(chip, "avatar").hidden = !id;
    if (id) paintAvatar(slot(chip, "avatar"), { id, name });
    return chip;
  }

  return () => ends.forEach((end) => end());
}
