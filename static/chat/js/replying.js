/** Which message my next one answers: says so above the field, and lets go of it. */
import {
  APP_LAUNCHED,
  BORROW_COMPOSER,
  COMPOSER_ESCAPED,
  MENU_CHOSEN,
  QUOTE_CHANGED,
  RETURN_COMPOSER,
  SEND_MESSAGE,
  SET_CONTEXT,
  WANT_QUOTE,
  subscribeAll,
} from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { openStore } from "./lib/store.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const store = openStore("sessionStorage");
  const key = `replying.${root.dataset.room}`;
  const { word } = readWords(root);
  let answered = null; // The seq.
  let isAside = false; // The composer is borrowed, and belongs to another message.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: () => store.get(key) && answer(store.get(key), false),
      [MENU_CHOSEN]: ({ entry, kind, subject }) => kind === "message" && entry === "reply" && answer(subject.seq, true),
      [SEND_MESSAGE]: stop,
      [COMPOSER_ESCAPED]: ({ isBorrowed }) => !isBorrowed && stop(),
      [BORROW_COMPOSER]: () => putAside(true),
      [RETURN_COMPOSER]: () => putAside(false),
      [QUOTE_CHANGED]({ seq, author, text }) {
        if (seq !== answered) return;
        setText(slot(root, "who"), author ? word("to", { name: author }) : word("to-somebody"));
        setText(slot(root, "text"), text);
      },
    }),
    listen(slot(root, "cancel"), "click", stop),
  ];

  function answer(seq, isNew) {
    answered = seq;
    store.set(key, seq);
    slot(root, "link").href = `#message/${seq}`;
    root.hidden = isAside;
    events.publish(SET_CONTEXT, { context: { reply_to: seq }, isNew });
    events.publish(WANT_QUOTE, { seq });
  }

  function stop() {
    if (answered === null) return;
    answered = null;
    store.remove(key);
    root.hidden = true;
    events.publish(SET_CONTEXT, { context: {}, isNew: false });
  }

  function putAside(aside) {
    isAside = aside;
    root.hidden = isAside || answered === null;
  }

  return function unmount() {
    ends.forEach((end) => end());
    stop();
  };
}
