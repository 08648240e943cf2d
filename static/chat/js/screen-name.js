/**
 * The name others see: asks for it in a dialog on the first visit, and again when the server doesn't take it or the person wants another.
 *
 * On the first visit Done, Enter and dismissing the dialog all finish; nothing written makes an `Anonymous` with up to three digits.
 */
import {
  APP_LAUNCHED,
  CHANGE_NAME,
  COMMAND_REFUSED,
  MEMBER_RENAMED,
  NAME_CHOSEN,
  OPEN_SCREEN_NAME,
  ROOM_WELCOMED,
  SCREEN_NAME_CLOSED,
  SEND_COMMAND,
  subscribeAll,
} from "./events.js";
import { listen, slot } from "./lib/dom.js";
import { openStore } from "./lib/store.js";
import { readWords } from "./lib/words.js";

const KEY = "name";

export function mount({ events, root }) {
  const store = openStore("localStorage");
  const { word } = readWords(root);
  const form = root.querySelector("form");
  const field = form.elements.name;
  const modal = bootstrap.Modal.getOrCreateInstance(root);
  let me = null; // As the room knows me: {id, name}
  let rejected = null;
  let isNeeded = false; // Without a name there is no way into the room; with one, dismissing keeps it.
  let isFinished = true;
  let before = null; // What had the focus.

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]() {
        const name = store.get(KEY);
        if (name) events.publish(NAME_CHOSEN, { name });
        else ask("");
      },
      [CHANGE_NAME]: ({ name }) => change(name),
      [OPEN_SCREEN_NAME]: () => ask(me?.name ?? ""),
      [ROOM_WELCOMED]: (welcome) => settle(welcome.me),
      [MEMBER_RENAMED]: ({ member }) => member.id === me?.id && settle(member),
      [COMMAND_REFUSED]: ({ code }) => code === "name_invalid" && reject(),
    }),
    store.watch(KEY, hearFromOtherTab),
    listen(form, "submit", (event) => {
      event.preventDefault();
      finish(field.value.trim());
      modal.hide();
    }),
    listen(root, "shown.bs.modal", () => {
      field.focus();
      field.select();
    }),
    listen(root, "hide.bs.modal", () => {
      const name = field.value.trim();
      if (isNeeded) finish(name === rejected ? "" : name);
      isFinished = true;
    }),
    listen(root, "hidden.bs.modal", () => {
      if (before?.matches("button") && before.checkVisibility()) before.focus();
      else events.publish(SCREEN_NAME_CLOSED);
    }),
  ];

  function ask(name) {
    isNeeded = !me;
    isFinished = false;
    root.classList.toggle("is-first", isNeeded && !rejected);
    slot(root, "problem").hidden = !rejected;
    field.setAttribute("aria-invalid", String(Boolean(rejected)));
    field.value = name;
    if (!root.contains(document.activeElement)) before = document.activeElement;
    modal.show();
  }

  function finish(written) {
    if (isFinished) return;
    isFinished = true;
    change(written || word("anonymous") + Math.floor(Math.random() * 1000));
  }

  function change(name) {
    if (name === me?.name) return;
    choose(name);
    if (me) events.publish(SEND_COMMAND, { command: { type: "rename", name } });
  }

  function choose(name) {
    store.set(KEY, name);
    events.publish(NAME_CHOSEN, { name });
  }

  function settle(member) {
    me = member;
    rejected = null;
    choose(me.name); // As the server tidied it, or as another tab changed it.
  }

  /** This tab would else come back from a lost connection under the old name. */
  function hearFromOtherTab(name) {
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
    bootstrap.Modal.getInstance(root)?.dispose();
  };
}
