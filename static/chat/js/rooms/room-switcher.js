/** Goes to another room by name: Ctrl K (Cmd K), arrow keys choose, Enter goes. Also offers rooms that aren't in the list. */
import { GO_TO_ROOM, ROOMS_CHANGED, subscribeAll } from "../app/events.js";
import { makeDialog } from "../kit/dialog.js";
import { fromTemplate, isComposing, listen, setText, slot } from "../kit/dom.js";
import { IS_APPLE, hasAltGr } from "../kit/keys.js";
import { findRooms, isSlug, slugOf } from "../kit/room-names.js";
import { readWords } from "../kit/words.js";
import { fillCount } from "./room-count.js";
import { create, openSwitcher } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const form = root.querySelector("form");
  const field = form.elements.query;
  const list = slot(root, "options");
  const dialog = makeDialog(root, { first: field });
  let rooms = [];
  let options = []; // Each {kind, room or slug or title}; `kind` is "visited", "go" or "make".
  let chosen = 0;

  const ends = [
    subscribeAll(events, {
      [ROOMS_CHANGED](changed) {
        rooms = changed.rooms;
      },
    }),
    openSwitcher.listen(open),
    listen(document, "keydown", (event) => {
      const isAsked = IS_APPLE ? event.metaKey : event.ctrlKey; // On a Mac, Ctrl K deletes the rest of a line.
      if (event.key.toLowerCase() !== "k" || event.shiftKey || event.altKey || !isAsked || hasAltGr(event)) return;
      event.preventDefault(); // In some browsers it opens their search field.
      if (dialog.isShown()) dialog.hide();
      else if (!document.querySelector("dialog[open]")) open();
    }),
    listen(field, "input", look),
    listen(field, "keydown", move),
    listen(form, "submit", (event) => {
      event.preventDefault();
      take(chosen);
    }),
    listen(list, "pointerdown", (event) => event.preventDefault()), // The field keeps the focus.
    listen(list, "click", ({ target }) => take([...list.children].indexOf(target.closest("[role=option]")))),
  ];

  function open() {
    field.value = "";
    look();
    dialog.show();
  }

  function look() {
    const query = field.value.trim();
    options = findRooms(rooms, query).map((room) => ({ kind: "visited", room }));
    const slug = slugOf(query);
    if (isSlug(slug) && !rooms.some((room) => room.slug === slug)) options.push({ kind: "go", slug }, { kind: "make", title: query });
    else if (query && !options.length) options.push({ kind: "make", title: query });
    list.replaceChildren(...options.map(draw));
    setText(slot(root, "count"), query ? plural("found", options.length) : "");
    choose(0);
  }

  function draw({ kind, room, slug, title }, index) {
    const option = fromTemplate(root, kind);
    option.id = `${list.id}-${index}`;
    if (kind === "go") setText(slot(option, "name"), word("go", { room: `#${slug}` }));
    if (kind === "make") setText(slot(option, "name"), word("make", { title }));
    if (!room) return option;
    setText(slot(option, "name"), room.title);
    setText(slot(option, "slug"), room.title === room.slug ? "" : `#${room.slug}`);
    option.classList.toggle("is-unread", room.unread > 0);
    if (room.isCurrent) setText(slot(option, "note"), word("here"));
    fillCount(option, room, plural);
    return option;
  }

  function choose(index) {
    const count = list.children.length;
    chosen = count ? (index + count) % count : -1;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
    const option = list.children[chosen];
    option?.scrollIntoView({ block: "nearest" });
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
  }

  function move(event) {
    if (isComposing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
  }

  function take(index) {
    const { kind, room, slug, title } = options[index] ?? {};
    if (!kind) return;
    dialog.hide();
    if (kind === "make") create.emit({ title });
    else if (!room?.isCurrent) events.publish(GO_TO_ROOM, { slug: room?.slug ?? slug });
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
    list.replaceChildren();
  };
}
