/** Goes to another room by its name: Ctrl K (Cmd K), arrows choose, Enter goes. A name that isn't in the list is offered as well. */
import { MAKE_ROOM, OPEN_SWITCHER, ROOMS_CHANGED, subscribeAll } from "./events.js";
import { makeDialog } from "./lib/dialog.js";
import { fromTemplate, isComposing, listen, setText, slot } from "./lib/dom.js";
import { findRooms, isSlug, roomURL, slugOf } from "./lib/rooms.js";
import { readWords } from "./lib/words.js";

const IS_APPLE = /Mac|iP(hone|ad|od)/.test(navigator.platform); // There Ctrl K deletes the rest of a line.

export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const form = root.querySelector("form");
  const field = form.elements.query;
  const list = slot(root, "options");
  const dialog = makeDialog(root, field);
  let rooms = [];
  let options = []; // Each {kind: "visited", "go" or "make", room or slug or title}
  let chosen = 0;

  const ends = [
    subscribeAll(events, {
      [ROOMS_CHANGED](changed) {
        rooms = changed.rooms;
      },
      [OPEN_SWITCHER]: open,
    }),
    listen(document, "keydown", (event) => {
      if (event.key.toLowerCase() !== "k" || event.shiftKey || event.altKey || !(IS_APPLE ? event.metaKey : event.ctrlKey)) return;
      event.preventDefault(); // The browser's own search field, in some.
      if (dialog.isShown()) dialog.hide();
      else if (!document.querySelector(".modal.show")) open();
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
    else if (room.called) setText(slot(option, "note"), plural("called", room.called));
    else if (room.unread) setText(slot(option, "note"), plural("unread", room.unread));
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
    if (kind === "make") events.publish(MAKE_ROOM, { title });
    else if (!room?.isCurrent) location.assign(roomURL(room?.slug ?? slug));
  }

  return function unmount() {
    ends.forEach((end) => end());
    dialog.end();
    list.replaceChildren();
  };
}
