/** Makes a room: asks for its name, proposes an address, and goes there when it is made. */
import { CONNECTION_CHANGED, COMMAND_REFUSED, MAKE_ROOM, ROOM_MADE, ROOM_WELCOMED, SEND_COMMAND, subscribeAll } from "./events.js";
import { makeDialog } from "./lib/dialog.js";
import { listen, setText, slot } from "./lib/dom.js";
import { isSlug, roomURL, slugOf } from "./lib/rooms.js";
import { readWords } from "./lib/words.js";

const FIELD_OF = { room_exists: "slug", slug_invalid: "slug", title_invalid: "title" };

export function mount({ events, root }) {
  const { word, has } = readWords(root);
  const form = root.querySelector("form");
  const { title, slug, topic } = form.elements;
  const dialog = makeDialog(root, title);
  let isProposed = true; // Nobody has touched the address: it follows the name.
  let isJoined = false;
  let asked = null; // The command that isn't answered yet. It may be sent again.

  const ends = [
    subscribeAll(events, {
      [MAKE_ROOM]: open,
      [ROOM_WELCOMED]() {
        isJoined = true;
        if (asked) send();
      },
      [CONNECTION_CHANGED]({ state }) {
        if (state !== "joined") isJoined = false;
      },
      [ROOM_MADE]({ room }) {
        if (room.slug !== asked?.slug) return;
        asked = null;
        location.assign(roomURL(room.slug));
      },
      [COMMAND_REFUSED]({ code, nonce, seq }) {
        if (!asked || nonce || seq !== undefined) return;
        asked = null;
        if (FIELD_OF[code]) complain(FIELD_OF[code], code);
        else say(has(`refused-${code}`) ? `refused-${code}` : "refused");
      },
    }),
    listen(title, "input", () => {
      if (isProposed) slug.value = slugOf(title.value);
      preview();
    }),
    listen(slug, "input", () => {
      isProposed = !slug.value;
      preview();
    }),
    // What can only be meant one way is put right; while one types, it would be in the way.
    listen(slug, "change", () => {
      slug.value = slugOf(slug.value);
      preview();
    }),
    listen(form, "input", () => settle()),
    listen(form, "submit", (event) => {
      event.preventDefault();
      submit();
    }),
    listen(root, "hidden.bs.modal", () => (asked = null)),
  ];

  function open({ title: wanted }) {
    form.reset();
    settle();
    title.value = wanted;
    slug.value = slugOf(wanted);
    isProposed = true;
    preview();
    dialog.show();
  }

  function preview() {
    setText(slot(root, "address"), isSlug(slug.value) ? `${location.host}${roomURL(slug.value)}` : "");
  }

  function submit() {
    if (asked) return;
    settle();
    if (!title.value.trim()) return complain("title", "title_invalid");
    if (!isSlug(slug.value)) return complain("slug", "slug_invalid");
    asked = { type: "make", slug: slug.value, title: title.value.trim(), topic: topic.value.trim() };
    if (isJoined) send();
    else say("offline");
  }

  function send() {
    say("sent");
    events.publish(SEND_COMMAND, { command: asked });
  }

  function complain(name, code) {
    settle();
    const field = form.elements[name];
    field.setAttribute("aria-invalid", "true");
    setText(slot(root, `${name}-problem`), word(`refused-${code}`));
    const visit = slot(root, "visit");
    visit.hidden = code !== "room_exists";
    if (code === "room_exists") visit.href = roomURL(slug.value);
    field.focus();
  }

  /** Takes back what was said against what stood there. */
  function settle() {
    for (const name of ["title", "slug"]) {
      form.elements[name].removeAttribute("aria-invalid");
      setText(slot(root, `${name}-problem`), "");
    }
    slot(root, "visit").hidden = true;
    setText(slot(root, "status"), "");
  }

  function say(key) {
    setText(slot(root, "status"), word(key));
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
  };
}
