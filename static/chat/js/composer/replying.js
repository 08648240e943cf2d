/** Shows the message that the next one replies to, above the field, until it is sent or cancelled. */
import {
  APP_LAUNCHED,
  COMPOSER_ESCAPED,
  MENU_CHOSEN,
  QUOTE_CHANGED,
  SEND_MESSAGE,
  WANT_QUOTE,
  subscribeAll,
} from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { SubjectMark } from "./subject-mark.js";
import { openStore } from "../kit/store.js";
import { readWords } from "../kit/words.js";
import { borrow, giveBack, setContext } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const store = openStore("sessionStorage");
  const key = `replying.${document.body.dataset.room}`;
  const { word } = readWords(root);
  const mark = new SubjectMark(events, "answered");
  let answered = null; // The seq.
  let isAside = false; // The composer is borrowed for another message.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: () => store.get(key) && answer(store.get(key), false),
      [MENU_CHOSEN]: ({ entry, kind, subject }) => kind === "message" && entry === "reply" && answer(subject.seq, true),
      [SEND_MESSAGE]: stop,
      [COMPOSER_ESCAPED]: ({ isBorrowed }) => !isBorrowed && stop(),
      [QUOTE_CHANGED]({ seq, author, isBot, text }) {
        if (seq !== answered) return;
        const name = isBot ? word("bot", { name: author }) : author;
        setText(slot(root, "who"), author ? word("to", { name }) : word("to-somebody"));
        setText(slot(root, "text"), text);
      },
    }),
    giveBack.listen(() => putAside(false)),
    borrow.listen(() => putAside(true)),
    listen(slot(root, "cancel"), "click", stop),
  ];

  function answer(seq, isNew) {
    answered = seq;
    store.set(key, seq);
    slot(root, "link").href = `#message/${seq}`;
    show();
    setContext.emit({ context: { reply_to: seq }, isNew });
    events.publish(WANT_QUOTE, { seq });
  }

  function stop() {
    if (answered === null) return;
    answered = null;
    store.remove(key);
    show();
    setContext.emit({ context: {}, isNew: false });
  }

  function putAside(aside) {
    isAside = aside;
    show();
  }

  function show() {
    root.hidden = isAside || answered === null;
    mark.move(root.hidden ? null : answered);
  }

  return function unmount() {
    ends.forEach((end) => end());
    mark.end(); // The reply is stored, as an edit is.
  };
}
