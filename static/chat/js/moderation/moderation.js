/** Moderators' actions: asks for reason and duration, then sends the command. The server checks the rights. */
import { MENU_CHOSEN, request, subscribeAll } from "../app/events.js";
import { makeDialog } from "../kit/dialog.js";
import { listen, setText, slot } from "../kit/dom.js";
import { readWords } from "../kit/words.js";
import { moderated } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const form = root.querySelector("form");
  const dialog = makeDialog(root, { first: form.elements.reason });
  let command = null; // The command to confirm.
  let name = ""; // The name of the member to ban.

  const ends = [
    subscribeAll(events, {
      [MENU_CHOSEN]({ entry, value, kind, subject }) {
        const member = kind === "message" ? subject.author : subject;
        if (entry === "delete") ask(entry, { type: "delete", seq: subject.seq });
        if (entry === "ban") ask(entry, { type: "ban", id: member.id }, member.name);
        if (entry === "lock") ask(entry, { type: "lock", on: true });
        if (entry === "unlock") send({ type: "lock", on: false });
        if (entry === "slow") send({ type: "slow", seconds: Number(value) });
      },
    }),
    listen(form, "submit", (event) => {
      event.preventDefault();
      send(complete());
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
    slot(root, "ban").hidden = entry !== "ban";
    dialog.show();
  }

  /** The command with the form's values. */
  function complete() {
    const { reason, minutes, address } = form.elements;
    const answers = { ...command, reason: reason.value.trim() };
    if (command.type === "ban") {
      answers.address = address.checked;
      if (minutes.value) answers.minutes = Number(minutes.value);
    }
    return answers;
  }

  /** Sends the command. Without a connection it waits for one, and the notice says so. */
  function send(complete) {
    const whom = name;
    const progress = (isSent) => isSent || moderated.emit({ word: "offline" });
    request(events, complete, (answer) => moderated.emit({ word: outcomeOf(answer), name: whom }), { offline: "later", progress });
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}

function outcomeOf(answer) {
  if (answer.type === "banned") return "banned";
  if (answer.type !== "refused") return null;
  return answer.code === "not_allowed" ? "not-allowed" : "failed";
}
