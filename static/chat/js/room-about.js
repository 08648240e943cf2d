/** What this room is about, in full, and its address to pass on: a dialog. */
import { MENU_CHOSEN, OPEN_ABOUT, ROOM_CHANGED, ROOM_WELCOMED, subscribeAll } from "./events.js";
import { makeDialog } from "./lib/dialog.js";
import { listen, setText, slot } from "./lib/dom.js";
import { roomURL } from "./lib/rooms.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const { word } = readWords(root);
  const field = slot(root, "address");
  const dialog = makeDialog(root, slot(root, "copy"));

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: ({ room }) => show(room),
      [ROOM_CHANGED]: ({ room }) => show(room),
      [OPEN_ABOUT]: open,
      [MENU_CHOSEN]: ({ entry }) => entry === "about" && open(),
    }),
    listen(field, "focus", () => field.select()),
    listen(slot(root, "copy"), "click", copy),
  ];

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
      field.focus(); // Without HTTPS, or forbidden: it is selected, and the keys do it.
      setText(slot(root, "status"), word("copy-by-hand"));
    }
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}
