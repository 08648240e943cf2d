/** "Ann is typing": tells others while I type, and shows who else does. */
import {
  COMPOSER_SUBMITTED,
  COMPOSER_TYPED,
  MEMBER_JOINED,
  MEMBER_LEFT,
  MEMBER_RENAMED,
  MEMBER_TYPED,
  MESSAGE_ARRIVED,
  ROOM_WELCOMED,
  SEND_COMMAND,
  SEND_MESSAGE,
  subscribeAll,
} from "./events.js";
import { readCommand } from "./lib/commands.js";
import { setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

const TELL_MS = 3_000; // The most often that the protocol allows.
const SHOW_MS = 5_000;

export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const names = new Map();
  const typers = new Map(); // id -> the timer that forgets it
  let me = null;
  let toldAt = 0;
  let later = null;

  const learn = ({ id, name }) => names.set(id, name);

  const end = subscribeAll(events, {
    [ROOM_WELCOMED](welcome) {
      me = welcome.me.id;
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
    // Not with a change of an older one, which may be a reader's reaction.
    [MESSAGE_ARRIVED]: ({ author, seq, version }) => seq === version && forget(author.id),
    [MEMBER_LEFT]({ id }) {
      forget(id);
      names.delete(id);
    },
    [COMPOSER_TYPED]({ body }) {
      if (readCommand(body.trim()).kind !== "say") return; // Nobody will read it.
      later ??= setTimeout(tell, Math.max(0, toldAt + TELL_MS - Date.now()));
    },
    [SEND_MESSAGE]: hush,
    [COMPOSER_SUBMITTED]: hush,
  });

  function tell() {
    later = null;
    toldAt = Date.now();
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
    end();
    hush();
    for (const timer of typers.values()) clearTimeout(timer);
  };
}
