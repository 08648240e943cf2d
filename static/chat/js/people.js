/** Notices which names could be taken for another's, so that whoever shows a name can tell people apart. */
import {
  CHANGES_ARRIVED,
  MEMBER_JOINED,
  MEMBER_LEFT,
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
  const nameOfMember = new Map();
  const shared = new Set();

  function see(people) {
    const before = shared.size;
    for (const { id, name } of people) {
      const folded = fold(name);
      if (!idsOfName.has(folded)) idsOfName.set(folded, new Set());
      if (idsOfName.get(folded).add(id).size > 1) shared.add(folded);
    }
    tell(before);
  }

  /** The server knows which letters of which scripts look the same: `like` is a member whose name this one can be taken for. */
  function compare(members) {
    const before = shared.size;
    for (const { id, name } of members) nameOfMember.set(id, fold(name));
    for (const { name, like } of members) {
      if (!like) continue;
      shared.add(fold(name));
      if (nameOfMember.has(like)) shared.add(nameOfMember.get(like));
    }
    tell(before);
  }

  function tell(before) {
    if (shared.size > before) events.publish(NAMESAKES_CHANGED, { names: new Set(shared) });
  }

  function meet(member) {
    see([member]);
    compare([member]);
  }

  const authors = (messages) => messages.map((message) => message.author);

  return subscribeAll(events, {
    [ROOM_WELCOMED]({ members, messages }) {
      see([...members, ...authors(messages)]);
      compare(members);
    },
    [MEMBER_JOINED]: ({ member }) => meet(member),
    [MEMBER_RENAMED]: ({ member }) => meet(member),
    [MEMBER_LEFT]: ({ id }) => nameOfMember.delete(id),
    [MESSAGE_ARRIVED]: (message) => see(authors([message])),
    [CHANGES_ARRIVED]: ({ messages }) => see(authors(messages)),
    [PAGE_ARRIVED]: ({ messages }) => see(authors(messages)),
  });
}
