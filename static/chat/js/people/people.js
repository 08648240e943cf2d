/** Tracks people's names, and which names are similar enough to need a tag. */
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
} from "../app/events.js";
import { putBounded } from "../kit/bounded.js";
import { fold } from "../kit/names.js";

const MOST_NAMES = 5_000; // Including people who left. The most recently seen are kept.

/** @param {Mounting} at */
export function mount({ events }) {
  const idsOfName = new Map();
  const nameOfMember = new Map();
  const shared = new Set();
  const names = new Map(); // id -> the name to show, also of people who left.

  /** Present members have their current name. Authors of old messages only fill gaps. */
  function learn(people, isToday) {
    const isNew = ({ id, name }) => (isToday ? names.get(id) !== name : !names.has(id));
    const added = people.filter(isNew);
    for (const { id, name } of added) if (isNew({ id, name })) putBounded(names, id, name, MOST_NAMES);
    if (added.length) events.publish(NAMES_CHANGED, { names: new Map(names) });
  }

  function see(people) {
    const before = shared.size;
    for (const { id, name } of people) {
      const folded = fold(name);
      if (!idsOfName.has(folded)) putBounded(idsOfName, folded, new Set(), MOST_NAMES);
      if (idsOfName.get(folded).add(id).size > 1) shared.add(folded);
    }
    publish(before);
  }

  /** Uses the server's `like`: a member whose name looks the same. It knows the letters that look alike in all scripts. */
  function compare(members) {
    const before = shared.size;
    for (const { id, name } of members) nameOfMember.set(id, fold(name));
    for (const { name, like } of members) {
      if (!like) continue;
      shared.add(fold(name));
      if (nameOfMember.has(like)) shared.add(nameOfMember.get(like));
    }
    publish(before);
  }

  function publish(before) {
    if (shared.size > before) events.publish(NAMESAKES_CHANGED, { names: new Set(shared) });
  }

  function meet(members) {
    learn(members, true);
    see(members);
    compare(members);
  }

  function seeAuthors(messages) {
    const authors = messages.map((message) => message.author);
    learn(authors, false);
    see(authors);
  }

  return subscribeAll(events, {
    [ROOM_WELCOMED]({ members, messages }) {
      meet(members);
      seeAuthors(messages);
    },
    [MEMBER_JOINED]: ({ member }) => meet([member]),
    [MEMBER_RENAMED]: ({ member }) => meet([member]),
    [MEMBER_LEFT]: ({ id }) => nameOfMember.delete(id),
    [MESSAGE_ARRIVED]: (message) => seeAuthors([message]),
    [CHANGES_ARRIVED]: ({ messages }) => seeAuthors(messages),
    [PAGE_ARRIVED]: ({ messages }) => seeAuthors(messages),
    [FOUND_ARRIVED]: ({ results }) => seeAuthors(results),
  });
}
