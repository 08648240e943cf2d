/** Says whose messages are shown while it isn't everybody's, and leads back. */
import {
  FILTER_CHANGED,
  MEMBER_JOINED,
  MEMBER_RENAMED,
  NAMESAKES_CHANGED,
  ROOM_WELCOMED,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_RESET,
  subscribeAll,
} from "./events.js";
import { fold, paintAvatar, tagOf } from "./lib/names.js";
import { setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const { word } = readWords(root);
  const names = new Map();
  let author = null;
  let namesakes = new Set();

  /** Present members say their name of today; authors of old messages only fill the gaps. */
  function learn(members, authors = []) {
    for (const { id, name } of authors) if (!names.has(id)) names.set(id, name);
    for (const { id, name } of members) names.set(id, name);
    show();
  }

  function show() {
    root.hidden = author === null;
    if (author === null) return;
    const name = names.get(author);
    setText(slot(root, "text"), name ? word("only", { name }) : word("only-unknown"));
    setText(slot(root, "tag"), name && namesakes.has(fold(name)) ? tagOf(author) : "");
    paintAvatar(slot(root, "avatar"), { id: author, name: name ?? "" });
  }

  const authors = (messages) => messages.map((message) => message.author);

  return subscribeAll(events, {
    [FILTER_CHANGED](filter) {
      author = filter.author;
      show();
    },
    [NAMESAKES_CHANGED]({ names }) {
      namesakes = names;
      show();
    },
    [ROOM_WELCOMED]: ({ members, messages }) => learn(members, authors(messages)),
    [MEMBER_JOINED]: ({ member }) => learn([member]),
    [MEMBER_RENAMED]: ({ member }) => learn([member]),
    [TIMELINE_RESET]: ({ messages }) => learn([], authors(messages)),
    [TIMELINE_CHANGED]: ({ added }) => learn([], authors(added)),
    [TIMELINE_EXTENDED]: ({ messages }) => learn([], authors(messages)),
  });
}
