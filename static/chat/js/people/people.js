/** Tracks people's names, and which names are similar enough to need a number. */
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
import { Hues } from "./hues.js";
import { Namesakes } from "./namesakes.js";

const MOST_NAMES = 5_000; // Including people who left. The most recently seen are kept.

/** @param {Mounting} at */
export function mount({ events }) {
  const namesakes = new Namesakes(MOST_NAMES);
  const names = new Map(); // id -> the name to show, also of people who left.
  const hues = new Hues();

  /** Present members have their current name. Authors of old messages only fill gaps. */
  function learn(people, isToday) {
    const isNew = ({ id, name }) => (isToday ? names.get(id) !== name : !names.has(id));
    const added = people.filter(isNew);
    for (const { id, name } of added) if (isNew({ id, name })) putBounded(names, id, name, MOST_NAMES);
    if (added.length) events.publish(NAMES_CHANGED, { names: new Map(names) });
  }

  function publish(isChanged) {
    if (isChanged) events.publish(NAMESAKES_CHANGED, { numbers: namesakes.numbers });
  }

  function meet(members) {
    hues.give(members);
    learn(members, true);
    publish(namesakes.meetMembers(members));
  }

  function seeAuthors(messages) {
    const authors = messages.map((message) => message.author);
    hues.give(authors);
    learn(authors, false);
    publish(namesakes.meet(authors));
  }

  const end = subscribeAll(events, {
    [ROOM_WELCOMED]({ members, messages }) {
      learn(members, true); // Their current names come first, but who has written comes before namesakes.
      seeAuthors(messages);
      meet(members);
    },
    [MEMBER_JOINED]: ({ member }) => meet([member]),
    [MEMBER_RENAMED]: ({ member }) => meet([member]),
    [MEMBER_LEFT]: ({ id }) => namesakes.forget(id),
    [MESSAGE_ARRIVED]: (message) => seeAuthors([message]),
    [CHANGES_ARRIVED]: ({ messages }) => seeAuthors(messages),
    [PAGE_ARRIVED]: ({ messages }) => seeAuthors(messages),
    [FOUND_ARRIVED]: ({ results }) => seeAuthors(results),
  });

  return function unmount() {
    end();
    hues.clear();
  };
}
