/** What moderators do: asks why and for how long, then sends the command. The server decides who may. */
import { MENU_CHOSEN, SEND_COMMAND, subscribeAll } from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const { word } = readWords(root);
  const form = root.querySelector("form");
  const modal = bootstrap.Modal.getOrCreateInstance(root);
  let command = null; // What is asked about.

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
      modal.hide();
    }),
    listen(root, "shown.bs.modal", () => form.elements.reason.focus()),
  ];

  function ask(entry, about, name = "") {
    command = about;
    form.reset();
    root.dataset.asks = entry;
    setText(slot(root, "title"), word(`title-${entry}`, { name }));
    setText(slot(root, "submit"), word(`submit-${entry}`));
    slot(root, "ban").hidden = entry !== "ban";
    modal.show();
  }

  /** The command with what was answered. */
  function complete() {
    const { reason, minutes, address } = form.elements;
    const answers = { ...command, reason: reason.value.trim() };
    if (command.type === "ban") {
      answers.address = address.checked;
      if (minutes.value) answers.minutes = Number(minutes.value);
    }
    return answers;
  }

  function send(complete) {
    events.publish(SEND_COMMAND, { command: complete });
  }

  return function unmount() {
    ends.forEach((end) => end());
    bootstrap.Modal.getInstance(root)?.dispose();
  };
}
