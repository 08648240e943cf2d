/** The dialog with the room's full topic, its link, and how the page is connected. */
import { CONNECTION_CHANGED, MENU_CHOSEN, ROOM_CHANGED, ROOM_WELCOMED, subscribeAll } from "../app/events.js";
import { makeDialog } from "../kit/dialog.js";
import { listen, setText, slot } from "../kit/dom.js";
import { roomURL } from "../kit/room-names.js";
import { readWords } from "../kit/words.js";
import { openAbout } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const field = slot(root, "address");
  const dialog = makeDialog(root, { first: slot(root, "copy") });

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: ({ room }) => show(room),
      [ROOM_CHANGED]: ({ room }) => show(room),
      [CONNECTION_CHANGED]: ({ transport }) => setText(slot(root, "transport"), transport ? word(transport) : ""),
      [MENU_CHOSEN]: ({ entry }) => entry === "about" && open(),
    }),
    openAbout.listen(open),
    listen(field, "focus", () => field.select()),
    listen(slot(root, "copy"), "click", copy),
  ];

  /** @param {Wire.Room} room */
  function show({ slug, title, topic }) {
    setText(slot(root, "title"), title);
    setText(slot(root, "topic"), topic ?? "");
    slot(root, "topic").hidden = !topic;
    field.value = location.origin + roomURL(slug);
  }

  function open() {
    setText(slot(root, "status"), "");
    dialog.show();
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(field.value);
      setText(slot(root, "status"), word("copied"));
    } catch {
      field.focus(); // Without HTTPS, or if it is forbidden, the text is selected for copying by keyboard.
      setText(slot(root, "status"), word("copy-by-hand"));
    }
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}
