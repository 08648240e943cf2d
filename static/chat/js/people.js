/** Who is called what, and which names could be taken for another's: for whoever shows a name and has to tell people apart. */
import {
  CHANGES_ARRIVED,
  FOUND_ARRIVED,
  MEMBER_JOINED,
  MEMBER_LEFT,
  MEMBER_RENAMED,
  MESSAGE_ARRIVED,
  NAMESAKES_CHANGED,
  NAMES_CHANGED,
  PAGE_ARRIVED,
  ROOM_WELCOMED,
  subscribeAll,
} from "./events.js";
import { fold } from "./lib/names.js";

export function mount({ events }) {
  const idsOfName = new Map();
  const nameOfMember = new Map();
  const shared = new Set();
  const names = new Map(); // id -> the name to show, also of those who are gone.

  /** Present members say their name of today; authors of old messages only fill the gaps. */
  function learn(people, isToday) {
    const isNews = ({ id, name }) => (isToday ? names.get(id) !== name : !names.has(id));
    const news = people.filter(isNews);
    for (const { id, name } of news) if (isNews({ id, name })) names.set(id, name);
    if (news.length) events.publish(NAMES_CHANGED, { names: new Map(names) });
  }

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

  function meet(members) {
    learn(members, true);
    see(members);
    compare(members);
  }

  function hear(messages) {
    const authors = messages.map((message) => message.author);
    learn(authors, false);
    see(authors);
  }

  return subscribeAll(events, {
    [ROOM_WELCOMED]({ members, messages }) {
      meet(members);
      hear(messages);
    },
    [MEMBER_JOINED]: ({ member }) => meet([member]),
    [MEMBER_RENAMED]: ({ member }) => meet([member]),
    [MEMBER_LEFT]: ({ id }) => nameOfMember.delete(id),
    [MESSAGE_ARRIVED]: (message) => hear([message]),
    [CHANGES_ARRIVED]: ({ messages }) => hear(messages),
    [PAGE_ARRIVED]: ({ messages }) => hear(messages),
    [FOUND_ARRIVED]: ({ results }) => hear(results),
  });
}
