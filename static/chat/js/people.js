/** Notices which names are shared by several people, so that whoever shows a name can tell them apart. */
import {
  CHANGES_ARRIVED,
  MEMBER_JOINED,
  MEMBER_RENAMED,
  MESSAGE_ARRIVED,
  NAMESAKES_CHANGED,
  PAGE_ARRIVED,
  ROOM_WELCOMED,
  subscribeAll,
} from "./events.js";
import { fold } from "./lib/names.js";

export function mount({ events }) {
  const idsOfName = new Map();
  const shared = new Set();

  function see(people) {
    const before = shared.size;
    for (const { id, name } of people) {
      const folded = fold(name);
      if (!idsOfName.has(folded)) idsOfName.set(folded, new Set());
      if (idsOfName.get(folded).add(id).size > 1) shared.add(folded);
    }
    if (shared.size > before) events.publish(NAMESAKES_CHANGED, { names: new Set(shared) });
  }

  const authors = (messages) => messages.map((message) => message.author);

  return subscribeAll(events, {
    [ROOM_WELCOMED]: ({ members, messages }) => see([...members, ...authors(messages)]),
    [MEMBER_JOINED]: ({ member }) => see([member]),
    [MEMBER_RENAMED]: ({ member }) => see([member]),
    [MESSAGE_ARRIVED]: (message) => see(authors([message])),
    [CHANGES_ARRIVED]: ({ messages }) => see(authors(messages)),
    [PAGE_ARRIVED]: ({ messages }) => see(authors(messages)),
  });
}
