/**
 * The dialog for the screen name: opens on the first visit, when the server refuses a name, and on request.
 *
 * Where the site says what the reader is called, nothing is asked. Nor is it in a frame: the dialog would take the focus from the page around it.
 *
 * On the first visit Done, Enter and dismissing the dialog all finish it. Without a name it creates `Anonymous` with up to three digits.
 */
import {
  APP_LAUNCHED,
  CHANGE_NAME,
  COMMAND_REFUSED,
  FOCUS_COMPOSER,
  IDENTITY_READY,
  MEMBER_RENAMED,
  NAME_CHOSEN,
  OPEN_SCREEN_NAME,
  ROOM_WELCOMED,
  request,
  subscribeAll,
} from "../app/events.js";
import { cleanLine } from "../kit/clean.js";
import { makeDialog } from "../kit/dialog.js";
import { listen, slot } from "../kit/dom.js";
import { openStore } from "../kit/store.js";
import { readWords } from "../kit/words.js";

const KEY = "name";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const store = openStore("localStorage");
  const page = document.documentElement.dataset; // What embed-early.js says of a frame.
  const { word } = readWords(root);
  const form = root.querySelector("form");
  const field = form.elements.name;
  const dialog = makeDialog(root, { first: field, otherwise: () => events.publish(FOCUS_COMPOSER) });
  let me = null; // The reader in the room: {id, name}
  let given = null; // The reader's name at the site, which isn't chosen here.
  let hasBegun = false;
  let rejected = null;
  let isNeeded = false; // The reader has no name yet. With one, dismissing keeps it.
  let isFinished = true;
  let callOff = () => {}; // Cancels the former rename, if it waits for a connection.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: () => "mayBeGiven" in form.dataset || "signed" in page || begin(),
      [IDENTITY_READY]({ name }) {
        if (name !== null) return take(name);
        if (given !== null) me = given = null; // Signed out.
        begin();
      },
      [CHANGE_NAME]: ({ name }) => given === null && change(name),
      [OPEN_SCREEN_NAME]: () => given === null && ask(me?.name ?? ""),
      [ROOM_WELCOMED]: (welcome) => accept(welcome.me),
      [MEMBER_RENAMED]: ({ member }) => member.id === me?.id && accept(member),
      [COMMAND_REFUSED]: ({ code }) => code === "name_invalid" && reject(),
    }),
    store.watch(KEY, hearFromOtherTab),
    listen(form, "submit", (event) => {
      event.preventDefault();
      finish(cleanLine(field.value));
      dialog.hide();
    }),
    listen(root, "close", () => {
      const name = cleanLine(field.value);
      if (isNeeded) finish(name === rejected ? "" : name);
      isFinished = true;
    }),
  ];

  /** Takes the reader's former name, or asks for one. */
  function begin() {
    if (hasBegun) return;
    hasBegun = true;
    const name = store.get(KEY);
    if (name) events.publish(NAME_CHOSEN, { name });
    else if ("embed" in page) choose(anonymous());
    else ask("");
  }

  /** Uses the site's name, and keeps the one that was chosen for when the reader has signed out. */
  function take(name) {
    given = name;
    hasBegun = false;
    isFinished = true;
    isNeeded = false;
    if (root.open) dialog.hide();
    events.publish(NAME_CHOSEN, { name });
  }

  function ask(name) {
    isNeeded = !me;
    isFinished = false;
    root.classList.toggle("is-first", isNeeded && !rejected);
    slot(root, "problem").hidden = !rejected;
    field.setAttribute("aria-invalid", String(Boolean(rejected)));
    field.value = name;
    dialog.show();
    field.select();
  }

  function finish(written) {
    if (isFinished) return;
    isFinished = true;
    change(written || anonymous());
  }

  function anonymous() {
    return word("anonymous") + Math.floor(Math.random() * 1000);
  }

  function change(name) {
    if (name === me?.name) return;
    choose(name);
    // The next `join` also has the name, unless it is under way. A refusal is recognised by its code.
    callOff();
    if (me) callOff = request(events, { type: "rename", name }, () => {}, { offline: "later" });
  }

  function choose(name) {
    store.set(KEY, name);
    events.publish(NAME_CHOSEN, { name });
  }

  function accept(member) {
    me = member;
    rejected = null;
    if (given === null) choose(me.name); // The server may have normalised it, or another tab changed it.
  }

  /** Adopts another tab's name, which this tab must use when it reconnects. */
  function hearFromOtherTab(name) {
    if (given !== null) return;
    if (me) events.publish(NAME_CHOSEN, { name });
    else if (!isFinished) field.value = name;
  }

  function reject() {
    rejected = store.get(KEY);
    if (me) choose(me.name);
    else store.remove(KEY);
    ask(rejected ?? "");
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}
