/** Moderators' actions: asks for reason and duration, then sends the command. The server checks the rights. */
import { MENU_CHOSEN, request, subscribeAll } from "../app/events.js";
import { makeDialog } from "../kit/dialog.js";
import { listen, setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";
import { moderated } from "./signals.js";

/** @typedef {Extract<Wire.Command, {type: "delete_messages"}>} DeleteMessages */

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const form = root.querySelector("form");
  const dialog = makeDialog(root, { first: form.elements.reason });
  let command = null; // The command to confirm.
  let name = ""; // The name of the member concerned.

  const ends = [
    subscribeAll(events, {
      [MENU_CHOSEN]({ entry, value, kind, subject }) {
        const member = kind === "message" ? subject.author : subject;
        if (entry === "delete") ask(entry, { type: "delete", seq: subject.seq });
        if (entry === "delete-all") ask(entry, { type: "delete_messages", author: member.id }, member.name);
        if (entry === "ban") ask(entry, { type: "ban", id: member.id }, member.name);
        if (entry === "lock") ask(entry, { type: "lock", on: true });
        if (entry === "unlock") send({ type: "lock", on: false });
        if (entry === "slow") send({ type: "slow", seconds: Number(value) });
      },
    }),
    listen(form, "submit", (event) => {
      event.preventDefault();
      confirm();
      dialog.hide();
    }),
  ];

  function ask(entry, about, whom = "") {
    command = about;
    name = whom;
    form.reset();
    root.dataset.asks = entry;
    setText(slot(root, "title"), word(`title-${entry}`, { name }));
    setText(slot(root, "submit"), word(`submit-${entry}`));
    for (const part of ["ban", "delete-all"]) slot(root, part).hidden = part !== entry;
    dialog.show();
  }

  /** Sends the command with the form's values. */
  function confirm() {
    const { reason, minutes, address, deleted, span } = form.elements;
    const complete = { ...command, reason: reason.value.trim() };
    if (command.type === "delete_messages") return deleteAll({ ...complete, ...since(span.value) }, name);
    if (command.type !== "ban") return send(complete);
    const whom = name;
    /** @type {DeleteMessages} */
    const then = { type: "delete_messages", author: command.id, reason: complete.reason, ...since(deleted.value) };
    const isMore = deleted.value !== "none";
    send({ ...complete, address: address.checked, ...since(minutes.value) }, (answer) => {
      if (isMore && answer.type === "banned") deleteAll(then, whom);
    });
  }

  /** Sends a command. Without a connection it waits for one, and the notice says so. */
  function send(complete, then = (_answer) => {}) {
    const whom = name;
    const take = (answer) => {
      moderated.emit({ word: outcomeOf(answer), name: whom });
      then(answer);
    };
    request(events, complete, take, { offline: "later", progress });
  }

  /**
   * Deletes somebody's messages, some at a time, and says how many it were.
   * @param {DeleteMessages} part
   */
  function deleteAll(part, whom, former = 0) {
    const take = (answer) => {
      if (answer.type !== "messages_deleted") return moderated.emit({ word: outcomeOf(answer) });
      const count = former + answer.count;
      if (!answer.before) return moderated.emit({ word: "deleted", name: whom, count });
      moderated.emit({ word: "deleting", name: whom });
      deleteAll({ ...part, before: answer.before }, whom, count);
    };
    request(events, part, take, { offline: "later", progress });
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}

/** The `minutes` of a command, as a choice of the form says it. A choice without a number has no limit. */
function since(choice) {
  return Number(choice) ? { minutes: Number(choice) } : {};
}

function progress(isSent) {
  if (!isSent) moderated.emit({ word: "offline" });
}

function outcomeOf(answer) {
  if (answer.type === "banned") return "banned";
  if (answer.type !== "refused") return null;
  return answer.code === "not_allowed" ? "not-allowed" : "failed";
}
