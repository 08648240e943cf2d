/** The list of rooms in the sidebar, by title: places that don't change are found without looking. Marks what is unread, or not sent. */
import { FORGET_ROOM, MAKE_ROOM, MENU_CHOSEN, OPEN_MENU, OPEN_SWITCHER, READ_ROOM, ROOMS_CHANGED, subscribeAll } from "./events.js";
import { fromTemplate, listen, setText, slot } from "./lib/dom.js";
import { roomURL } from "./lib/rooms.js";
import { formatNumber, readWords } from "./lib/words.js";

const MOST = 99; // The server counts up to 100: "100 or more".

export function mount({ events, root }) {
  const { plural } = readWords(root);
  const list = slot(root, "rooms");
  const jump = slot(root, "jump");
  const items = new Map(); // slug -> {room, item}

  const ends = [
    subscribeAll(events, {
      [ROOMS_CHANGED]: ({ rooms }) => show(rooms),
      [MENU_CHOSEN]({ kind, entry, subject }) {
        if (kind !== "visit") return;
        if (entry === "leave") leave(subject.slug);
        if (entry === "read") events.publish(READ_ROOM, { slug: subject.slug });
      },
    }),
    listen(list, "click", (event) => {
      const { room, item } = items.get(event.target.closest("li")?.dataset.room) ?? {};
      if (!room) return;
      const anchor = event.target.closest("[data-slot=menu]");
      if (anchor) events.publish(OPEN_MENU, { kind: "visit", anchor, subject: room, traits: [room.unread ? "unread" : "read"] });
      else if (room.isCurrent && slot(item, "link").contains(event.target)) event.preventDefault(); // No load of what is here.
    }),
    listen(slot(root, "switch"), "click", () => events.publish(OPEN_SWITCHER)),
    ...[...root.querySelectorAll("[data-action=make]")].map((button) => listen(button, "click", () => events.publish(MAKE_ROOM, { title: "" }))),
    listen(jump, "click", () => slot(nextUnread(), "link").focus()),
  ];

  function show(rooms) {
    const isFirst = !items.size;
    const slugs = new Set(rooms.map(({ slug }) => slug));
    for (const slug of [...items.keys()]) if (!slugs.has(slug)) remove(slug);
    rooms.forEach((room, index) => {
      const item = items.get(room.slug)?.item ?? make(room);
      items.set(room.slug, { room, item });
      fill(item, room);
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
    });
    const unread = rooms.filter((room) => room.unread).length;
    jump.hidden = !unread;
    setText(jump, plural("unread-rooms", unread));
    slot(root, "alone").hidden = rooms.length > 1;
    if (isFirst) list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  function make({ slug, isCurrent }) {
    const item = fromTemplate(root, "room");
    item.dataset.room = slug;
    const link = slot(item, "link");
    link.href = roomURL(slug);
    if (isCurrent) link.setAttribute("aria-current", "page");
    slot(item, "menu").hidden = isCurrent; // One can't leave where one is.
    return item;
  }

  function fill(item, { slug, title, unread, called, hasUnsent }) {
    setText(slot(item, "title"), title);
    slot(item, "link").title = title === slug ? `#${slug}` : `${title} (#${slug})`;
    slot(item, "unsent").toggleAttribute("hidden", !hasUnsent);
    item.classList.toggle("is-unread", unread > 0);
    const count = slot(item, "count");
    count.hidden = !unread;
    count.classList.toggle("is-called", called > 0);
    const most = unread > MOST ? `${formatNumber(MOST)}+` : formatNumber(unread);
    setText(slot(item, "number"), called ? `@ ${most}` : most);
    setText(slot(item, "said"), (unread > MOST ? plural("unread-many", MOST) : plural("unread", unread)) + (called ? plural("called", called) : ""));
  }

  /** The first one below the one that has the focus, or below what is in view; else the first one. */
  function nextUnread() {
    const unread = [...list.querySelectorAll(".is-unread")];
    const focused = unread.findIndex((item) => item.contains(document.activeElement));
    if (focused >= 0) return unread[(focused + 1) % unread.length];
    const end = list.getBoundingClientRect().bottom;
    return unread.find((item) => item.getBoundingClientRect().bottom > end) ?? unread[0];
  }

  /** Takes it off; the focus stays in the list. */
  function leave(slug) {
    const { item } = items.get(slug) ?? {};
    const neighbour = item?.nextElementSibling ?? item?.previousElementSibling;
    if (neighbour) slot(neighbour, "link").focus();
    events.publish(FORGET_ROOM, { slug });
  }

  function remove(slug) {
    items.get(slug).item.remove();
    items.delete(slug);
  }

  return function unmount() {
    ends.forEach((end) => end());
    for (const slug of [...items.keys()]) remove(slug);
  };
}
