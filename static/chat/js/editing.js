/** My message in the composer, to be changed: saves, asks whether to take it back where nothing is left, or lets go. */
import {
  AMENDMENTS_CHANGED,
  AMEND_MESSAGE,
  APP_LAUNCHED,
  BORROW_COMPOSER,
  CHANGES_ARRIVED,
  COMPOSER_ESCAPED,
  COMPOSER_SUBMITTED,
  COMPOSER_TYPED,
  EDIT_AGAIN,
  EDIT_LAST,
  FILL_COMPOSER,
  IDENTITY_READY,
  MENU_CHOSEN,
  MESSAGE_ARRIVED,
  OUTBOX_CHANGED,
  PAGE_ARRIVED,
  RETURN_COMPOSER,
  ROOM_WELCOMED,
  SEND_COMMAND,
  TAKE_BACK,
  subscribeAll,
} from "./events.js";
import { amended } from "./lib/amend.js";
import { listen, setText, slot } from "./lib/dom.js";
import { OwnMessages } from "./lib/own-messages.js";
import { Question } from "./lib/question.js";
import { openStore } from "./lib/store.js";
import { readWords } from "./lib/words.js";

const LOOKED_AT = 20; // Of the newest own messages: before that many tombstones, nobody means the one before them.
const ANSWER_MS = 5_000; // Later, something else may be going on in the field.

export function mount({ events, root }) {
  const store = openStore("sessionStorage");
  const key = `editing.${root.dataset.room}`;
  const { word } = readWords(root);
  let me = null;
  const own = new OwnMessages(({ author }) => author.id === me);
  const last = new Question(ANSWER_MS); // Where the last one is, if it isn't loaded.
  let entries = [];
  let isSaying = false; // Something newer is on its way.
  let editing = null; // {log, seq, original, body, base}: what it said, what is written, and which edition the first is.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]() {
        const unsaved = store.get(key);
        if (unsaved) begin(unsaved);
      },
      [IDENTITY_READY]: ({ uuid }) => (me = uuid),
      [ROOM_WELCOMED](welcome) {
        me = welcome.me.id;
        last.end();
        own.welcome(welcome);
        if (editing?.log && editing.log !== own.log) lose();
        rebase();
      },
      [MESSAGE_ARRIVED](message) {
        own.meet([message]);
        rebase();
      },
      [CHANGES_ARRIVED](changes) {
        own.changes(changes);
        rebase();
      },
      [PAGE_ARRIVED](page) {
        if (!last.asked || page.before !== last.asked.before || page.author !== me) return own.meet(page.messages);
        last.end();
        own.page(page);
        editLast();
      },
      [AMENDMENTS_CHANGED]: (changed) => (entries = changed.entries),
      [OUTBOX_CHANGED]: (outbox) => (isSaying = outbox.entries.some(({ state }) => state === "sending")),
      [EDIT_LAST]() {
        if (isSaying) return; // Whoever asks means that one, not the one before.
        if (editLast() || !own.from || own.from === Infinity) return;
        last.ask({ before: own.from });
        events.publish(SEND_COMMAND, { command: { type: "history", before: own.from, limit: LOOKED_AT, author: me } });
      },
      [MENU_CHOSEN]({ entry, kind, subject }) {
        if (kind !== "message") return;
        if (entry === "edit") edit(subject);
        else if (entry === "reply") end();
      },
      [EDIT_AGAIN]: ({ seq, body, base = editionOf(own.get(seq)) }) => begin({ seq, original: null, body, base }),
      [AMEND_MESSAGE]: ({ type, seq }) => type === "delete" && seq === editing?.seq && end(),
      [COMPOSER_TYPED]({ body }) {
        last.end();
        if (editing) hold({ ...editing, body });
      },
      [COMPOSER_SUBMITTED]: save,
      [COMPOSER_ESCAPED]: end,
    }),
    listen(slot(root, "cancel"), "click", end),
  ];

  /** Whether there is one that is loaded. */
  function editLast() {
    const message = own.newest((message) => !asShown(message).deleted);
    if (message) edit(asShown(message));
    return Boolean(message);
  }

  function edit(message) {
    begin({ seq: message.seq, original: message.body, body: message.body, base: editionOf(message) });
  }

  /** Which of its bodies a message has, as the server tells them apart: by the time of the last edit. */
  function editionOf(message) {
    return message && (message.edited_at ?? 0);
  }

  /** An edit of mine that was still on its way, as the field was filled, has become an edition. */
  function rebase() {
    const message = editing && own.get(editing.seq);
    if (message && message.body === editing.original) hold({ ...editing, base: editionOf(message) });
  }

  function asShown(message) {
    const pending = entries.filter(({ seq, state }) => seq === message.seq && state === "sending");
    return amended(message, pending, me);
  }

  function begin(wanted) {
    last.end();
    hold({ log: own.log, ...wanted });
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
    const { seq, original, base } = editing;
    if (!body) return events.publish(TAKE_BACK, { seq });
    end();
    if (body !== original) events.publish(AMEND_MESSAGE, { type: "edit", seq, body, base });
  }

  /** Another message has its number now. The words may still be worth saying. */
  function lose() {
    const { body } = editing;
    end();
    events.publish(FILL_COMPOSER, { body });
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
    last.end();
    end();
  };
}
