/** My message in the composer, to be changed: saves, asks whether to take it back where nothing is left, or lets go. */
import {
  AMENDMENTS_CHANGED,
  AMEND_MESSAGE,
  APP_LAUNCHED,
  BORROW_COMPOSER,
  COMPOSER_ESCAPED,
  COMPOSER_SUBMITTED,
  COMPOSER_TYPED,
  EDIT_AGAIN,
  EDIT_LAST,
  IDENTITY_READY,
  MENU_CHOSEN,
  OUTBOX_CHANGED,
  RETURN_COMPOSER,
  ROOM_WELCOMED,
  TAKE_BACK,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_MISSED,
  TIMELINE_RESET,
  subscribeAll,
} from "./events.js";
import { amended } from "./lib/amend.js";
import { listen, setText, slot } from "./lib/dom.js";
import { openStore } from "./lib/store.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const store = openStore("sessionStorage");
  const key = `editing.${root.dataset.room}`;
  const { word } = readWords(root);
  const own = new Map(); // seq -> message
  let me = null;
  let entries = [];
  let isSaying = false; // Something newer is on its way.
  let editing = null; // {seq, original, body}: what it said, and what is written.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]() {
        const unsaved = store.get(key);
        if (unsaved) begin(unsaved);
      },
      [IDENTITY_READY]: ({ uuid }) => (me = uuid),
      [ROOM_WELCOMED]: (welcome) => (me = welcome.me.id),
      [TIMELINE_RESET]({ messages }) {
        own.clear();
        meet(messages);
      },
      [TIMELINE_CHANGED]: ({ added, changed }) => meet([...added, ...changed]),
      [TIMELINE_EXTENDED]: ({ messages }) => meet(messages),
      [TIMELINE_MISSED]: ({ added }) => meet(added),
      [AMENDMENTS_CHANGED]: (changed) => (entries = changed.entries),
      [OUTBOX_CHANGED]: (outbox) => (isSaying = outbox.entries.some(({ state }) => state === "sending")),
      [EDIT_LAST]() {
        if (isSaying) return; // Whoever asks means that one, not the one before.
        const standing = [...own.values()].map(asShown).filter((message) => !message.deleted);
        const last = standing.reduce((newest, message) => (newest?.seq > message.seq ? newest : message), null);
        if (last) begin({ seq: last.seq, original: last.body, body: last.body });
      },
      [MENU_CHOSEN]({ entry, kind, subject }) {
        if (kind !== "message") return;
        if (entry === "edit") begin({ seq: subject.seq, original: subject.body, body: subject.body });
        else if (entry === "reply") end();
      },
      [EDIT_AGAIN]: ({ seq, body }) => begin({ seq, original: null, body }),
      [AMEND_MESSAGE]: ({ type, seq }) => type === "delete" && seq === editing?.seq && end(),
      [COMPOSER_TYPED]({ body }) {
        if (editing) hold({ ...editing, body });
      },
      [COMPOSER_SUBMITTED]: save,
      [COMPOSER_ESCAPED]: end,
    }),
    listen(slot(root, "cancel"), "click", end),
  ];

  function meet(messages) {
    for (const message of messages) if (message.author.id === me) own.set(message.seq, message);
  }

  function asShown(message) {
    const pending = entries.filter(({ seq, state }) => seq === message.seq && state === "sending");
    return amended(message, pending, me);
  }

  function begin(wanted) {
    hold(wanted);
    root.hidden = false;
    slot(root, "link").href = `#message/${wanted.seq}`;
    events.publish(BORROW_COMPOSER, { body: wanted.body, label: word("save") });
    setText(slot(root, "text"), word("editing"));
  }

  /** Over a reload, too. */
  function hold(wanted) {
    editing = wanted;
    store.set(key, editing);
  }

  function save({ body }) {
    if (!editing) return;
    const { seq, original } = editing;
    if (!body) return events.publish(TAKE_BACK, { seq });
    end();
    if (body !== original) events.publish(AMEND_MESSAGE, { type: "edit", seq, body });
  }

  function end() {
    if (!editing) return;
    editing = null;
    store.remove(key);
    root.hidden = true;
    setText(slot(root, "text"), "");
    events.publish(RETURN_COMPOSER);
  }

  return function unmount() {
    ends.forEach((stop) => stop());
    end();
  };
}
