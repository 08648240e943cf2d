/** Edits an own message in the composer: saves it, asks before deleting it if the text is empty, or cancels. */
import {
  AMENDMENTS_CHANGED,
  AMEND_MESSAGE,
  APP_LAUNCHED,
  CHANGES_ARRIVED,
  COMPOSER_ESCAPED,
  EDIT_AGAIN,
  FILL_COMPOSER,
  MENU_CHOSEN,
  MESSAGE_ARRIVED,
  OUTBOX_CHANGED,
  PAGE_ARRIVED,
  ROOM_WELCOMED,
  SESSION_CHANGED,
  DELETE_MESSAGE,
  request,
  subscribeAll,
} from "../app/events.js";
import { MOST_CHOSEN } from "./chosen-people.js";
import { amended } from "../kit/pending-changes.js";
import { listen, setText, slot } from "../kit/dom.js";
import { OwnMessages } from "./own-messages.js";
import { SubjectMark } from "./subject-mark.js";
import { openStore } from "../kit/store.js";
import { readWords } from "../kit/words.js";
import { borrow, giveBack, lastWanted, submitted, typed } from "./signals.js";

const LOOKED_AT = 20; // The newest own messages that are searched for one that isn't deleted.
const ANSWER_SECONDS = 5; // Later the reader may be writing something else.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const store = openStore("sessionStorage");
  const key = `editing.${document.body.dataset.room}`;
  const { word } = readWords(root);
  const mark = new SubjectMark(events, "edited");
  let me = null;
  const own = new OwnMessages(({ author }) => author.id === me);
  let stopLooking = () => {}; // Cancels the request for the last own message.
  let entries = [];
  let isSaying = false; // A newer message is on its way.
  let editing = null; // {log, seq, original, body, base}: the message's body, the new body, and the edition of the former.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]() {
        const unsaved = store.get(key);
        if (unsaved) begin(unsaved);
      },
      [SESSION_CHANGED]: (session) => (me = session.id),
      [ROOM_WELCOMED](welcome) {
        stopLooking();
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
      [PAGE_ARRIVED]: (page) => own.meet(page.messages),
      [AMENDMENTS_CHANGED]: (changed) => (entries = changed.entries),
      [OUTBOX_CHANGED]: (outbox) => (isSaying = outbox.entries.some(({ state }) => state === "sending")),
      [MENU_CHOSEN]({ entry, kind, subject }) {
        if (kind !== "message") return;
        if (entry === "edit") edit(subject);
        else if (entry === "reply") end();
      },
      [EDIT_AGAIN]: ({ seq, body, base = editionOf(own.get(seq)) }) => begin({ seq, original: null, body, base }),
      [AMEND_MESSAGE]: ({ type, seq }) => type === "delete" && seq === editing?.seq && end(),
      [COMPOSER_ESCAPED]: end,
    }),
    lastWanted.listen(() => {
      if (isSaying) return; // The reader means the message that is on its way.
      if (editLast() || !own.from || own.from === Infinity) return;
      stopLooking();
      const command = /** @type {const} */ ({ type: "history", before: own.from, limit: LOOKED_AT, author: me });
      stopLooking = request(events, command, found, { seconds: ANSWER_SECONDS });
    }),
    submitted.listen(save),
    typed.listen(({ body }) => {
      stopLooking();
      if (editing) hold({ ...editing, body });
    }),
    listen(slot(root, "cancel"), "click", end),
  ];

  function found(answer) {
    if (answer.type !== "page") return;
    own.page(answer);
    editLast();
  }

  /** Edits the last own message if it is loaded. Returns whether it is. */
  function editLast() {
    const message = own.newest((message) => !asShown(message).deleted);
    if (message) edit(asShown(message));
    return Boolean(message);
  }

  function edit(message) {
    begin({ seq: message.seq, original: message.body, body: message.body, base: editionOf(message) });
  }

  /** The message's edition: the time of its last edit, as on the server. */
  function editionOf(message) {
    return message && (message.edited_at ?? 0);
  }

  /** Updates `base` after an own edit that was on its way when the field was filled. */
  function rebase() {
    const message = editing && own.get(editing.seq);
    if (message && message.body === editing.original) hold({ ...editing, base: editionOf(message) });
  }

  function asShown(message) {
    const pending = entries.filter(({ seq, state }) => seq === message.seq && state === "sending");
    return amended(message, pending, me);
  }

  function begin(wanted) {
    stopLooking();
    hold({ log: own.log, ...wanted });
    mark.move(wanted.seq);
    root.hidden = false;
    slot(root, "link").href = `#message/${wanted.seq}`;
    borrow.emit({ body: wanted.body, label: word("save") });
    setText(slot(root, "text"), word("editing"));
  }

  /** Stores the edit, so that it survives a reload. */
  function hold(wanted) {
    editing = wanted;
    store.set(key, editing);
  }

  function save({ body, mentions: chosen }) {
    if (!editing) return;
    const { seq, original, base } = editing;
    if (!body) return events.publish(DELETE_MESSAGE, { seq });
    end();
    if (body !== original) events.publish(AMEND_MESSAGE, { type: "edit", seq, body, base, mentions: meant(seq, chosen) });
  }

  /** The people chosen now, and those whom the message mentions already, as many as the protocol allows. */
  function meant(seq, chosen) {
    return [...new Set([...chosen, ...(own.get(seq)?.mentions ?? [])])].slice(0, MOST_CHOSEN);
  }

  /** Ends the edit when another message has its seq. The text stays in the field. */
  function lose() {
    const { body } = editing;
    end();
    events.publish(FILL_COMPOSER, { body });
  }

  function end() {
    if (!editing) return;
    editing = null;
    mark.move(null);
    store.remove(key);
    root.hidden = true;
    setText(slot(root, "text"), "");
    giveBack.emit();
  }

  return function unmount() {
    ends.forEach((stop) => stop());
    stopLooking();
    mark.end(); // The edit is stored. It goes on when the reader comes back to the room.
  };
}
