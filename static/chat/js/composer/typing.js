/** "Ann is typing": tells the server while the reader types, and shows who else does. */
import {
  MEMBER_JOINED,
  MEMBER_LEFT,
  MEMBER_RENAMED,
  MEMBER_TYPED,
  MESSAGE_ARRIVED,
  ROOM_WELCOMED,
  SEND_COMMAND,
  SEND_MESSAGE,
  SESSION_CHANGED,
  subscribeAll,
} from "../app/events.js";
import { readCommand } from "../kit/commands.js";
import { setText, slot } from "../kit/dom.js";
import { now } from "../kit/elapsed.js";
import { readWords } from "../kit/words.js";
import { submitted, typed } from "./signals.js";

const SEND_MS = 3_500; // The server drops commands that arrive within 3 s of the last one.
const SHOW_MS = 5_000;

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const names = new Map();
  const typers = new Map(); // id -> the timer that removes it
  let me = null;
  let sentAt = -Infinity;
  let later = null;

  const learn = (member) => names.set(member.id, member.bot ? word("bot", { name: member.name }) : member.name);

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [ROOM_WELCOMED](welcome) {
        names.clear();
        welcome.members.forEach(learn);
        for (const id of typers.keys()) if (!names.has(id)) forget(id);
      },
      [MEMBER_JOINED]: ({ member }) => learn(member),
      [MEMBER_RENAMED]({ member }) {
        learn(member);
        show();
      },
      [MEMBER_TYPED]: ({ id }) => id !== me && names.has(id) && see(id),
      // Not for a change of an older message, which may be a reaction.
      [MESSAGE_ARRIVED]: ({ author, seq, version }) => seq === version && forget(author.id),
      [MEMBER_LEFT]({ id }) {
        forget(id);
        names.delete(id);
      },
      [SEND_MESSAGE]: hush,
    }),
    submitted.listen(hush),
    typed.listen(({ body }) => {
      if (readCommand(body.trim()).kind !== "say") return; // A command isn't sent to the room.
      later ??= setTimeout(sendTyping, Math.max(0, sentAt + SEND_MS - now()));
    }),
  ];

  function sendTyping() {
    later = null;
    sentAt = now();
    events.publish(SEND_COMMAND, { command: { type: "typing" } });
  }

  function hush() {
    clearTimeout(later);
    later = null;
  }

  function see(id) {
    clearTimeout(typers.get(id));
    typers.set(id, setTimeout(() => forget(id), SHOW_MS));
    show();
  }

  function forget(id) {
    clearTimeout(typers.get(id));
    if (typers.delete(id)) show();
  }

  function show() {
    const [first, second] = [...typers.keys()].map((id) => names.get(id));
    root.classList.toggle("is-shown", typers.size > 0);
    if (typers.size === 1) setText(slot(root, "text"), word("one", { first }));
    if (typers.size === 2) setText(slot(root, "text"), word("two", { first, second }));
    if (typers.size > 2) setText(slot(root, "text"), plural("many", typers.size));
  }

  return function unmount() {
    ends.forEach((end) => end());
    hush();
    for (const timer of typers.values()) clearTimeout(timer);
  };
}
