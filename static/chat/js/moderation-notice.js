/** Says what came of a moderator's command, where the room itself doesn't show it. */
import { COMMAND_REFUSED, CONNECTION_CHANGED, MEMBER_BANNED, MENU_CHOSEN, ROOM_CHANGED, SEND_COMMAND, subscribeAll } from "./events.js";
import { listen, setText, slot } from "./lib/dom.js";
import { readWords } from "./lib/words.js";

const COMMANDS = new Set(["ban", "lock", "slow", "delete"]);
const SHOWN_MS = 8_000;

export function mount({ events, root }) {
  const { word } = readWords(root);
  const names = new Map(); // Of members whom a ban was asked for, by id.
  let waiting = null; // The command that isn't answered yet.
  let timer = null;

  const ends = [
    subscribeAll(events, {
      [MENU_CHOSEN]({ entry, kind, subject }) {
        const member = kind === "message" ? subject.author : subject;
        if (entry === "ban") names.set(member.id, member.name);
      },
      [SEND_COMMAND]({ command }) {
        // Without a reason, somebody takes back what they said themselves.
        if (COMMANDS.has(command.type) && (command.type !== "delete" || "reason" in command)) waiting = command;
      },
      [MEMBER_BANNED]({ id }) {
        waiting = null;
        show(word("banned", { name: names.get(id) ?? "" }));
      },
      [ROOM_CHANGED]() {
        waiting = null;
      },
      [COMMAND_REFUSED]({ code, nonce, seq }) {
        if (!waiting || nonce || seq !== waiting.seq) return;
        waiting = null;
        show(word(code === "not_allowed" ? "not-allowed" : "failed"));
      },
      [CONNECTION_CHANGED]() {
        waiting = null;
      },
    }),
    listen(slot(root, "close"), "click", hide),
  ];

  function show(text) {
    clearTimeout(timer);
    setText(slot(root, "text"), text);
    slot(root, "bar").hidden = false;
    timer = setTimeout(hide, SHOWN_MS);
  }

  function hide() {
    clearTimeout(timer);
    slot(root, "bar").hidden = true;
    setText(slot(root, "text"), "");
  }

  return function unmount() {
    ends.forEach((end) => end());
    hide();
  };
}
