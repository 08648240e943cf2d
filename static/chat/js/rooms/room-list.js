/**
 * The list of rooms in the sidebar, sorted by title so that rooms keep their places, or by the latest activity. Then they keep them while the pointer is on
 * the list. Marks unread messages and unsent drafts.
 */
import { MENU_CHOSEN, OPEN_MENU, ROOMS_CHANGED, subscribeAll } from "../app/events.js";
import { fromTemplate, listen, setText, slot } from "../kit/dom.js";
import { roomURL } from "../kit/room-names.js";
import { readWords } from "../kit/words.js";
import { fillCount } from "./room-count.js";
import { traitsOf } from "./room-order.js";
import { arrange, create, forget, markRead, openSwitcher, sortBy } from "./signals.js";

const HOVERS = matchMedia("(hover: hover)");

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { plural } = readWords(root);
  const list = slot(root, "rooms");
  const jump = slot(root, "jump");
  const items = new Map(); // slug -> {room, item}
  /** @type {{rooms: Page.VisitedRoom[], order: "name" | "activity"}} */
  let latest = { rooms: [], order: "name" };
  let arranged = ""; // The order, and the pinned rooms: what the reader has chosen.

  const ends = [
    subscribeAll(events, {
      [ROOMS_CHANGED](changed) {
        latest = changed;
        show();
      },
      [MENU_CHOSEN]({ kind, entry, value, subject }) {
        const { room } = kind === "visit" || kind === "room" ? (items.get(subject.slug) ?? {}) : {};
        if (room && entry === "pin") arrange.emit({ slug: room.slug, changes: { isPinned: !room.isPinned } });
        if (room && entry === "mute") arrange.emit({ slug: room.slug, changes: { isMuted: !room.isMuted } });
        if (kind !== "visit") return;
        if (entry === "sort" && value) sortBy.emit({ order: value });
        if (entry === "leave") leave(subject.slug);
        if (entry === "read") markRead.emit({ slug: subject.slug });
      },
    }),
    listen(list, "click", (event) => {
      const { room, item } = items.get(event.target.closest("li")?.dataset.room) ?? {};
      if (!room) return;
      const anchor = event.target.closest("[data-slot=menu]");
      const traits = () => [room.unread ? "unread" : "read", "listed", `sort-${latest.order}`, ...traitsOf(room)];
      if (anchor) events.publish(OPEN_MENU, { kind: "visit", anchor, subject: room, traits: traits() });
      else if (room.isCurrent && slot(item, "link").contains(event.target)) event.preventDefault(); // Doesn't reload the current room.
    }),
    listen(list, "pointerleave", show),
    listen(root.closest("[popover]"), "toggle", ({ newState }) => newState === "open" && reveal()),
    listen(slot(root, "switch"), "click", () => openSwitcher.emit()),
    ...[...root.querySelectorAll("[data-action=make]")].map((button) => listen(button, "click", () => create.emit({ title: "" }))),
    listen(jump, "click", () => slot(nextUnread(), "link").focus()),
  ];

  function show() {
    const { rooms, order } = latest;
    const isFirst = !items.size;
    const chosen = JSON.stringify([order, rooms.filter(({ isPinned }) => isPinned).map(({ slug }) => slug).sort()]);
    const isHeld = chosen === arranged && order === "activity" && HOVERS.matches && list.matches(":hover");
    arranged = chosen;
    const slugs = new Set(rooms.map(({ slug }) => slug));
    for (const slug of [...items.keys()]) if (!slugs.has(slug)) remove(slug);
    rooms.forEach((room, index) => {
      const item = items.get(room.slug)?.item ?? make(room);
      items.set(room.slug, { room, item });
      fill(item, room);
      if (list.children[index] !== item && !(isHeld && item.isConnected)) list.insertBefore(item, list.children[index] ?? null);
    });
    const unread = rooms.filter((room) => room.unread).length;
    jump.hidden = !unread;
    setText(jump, plural("unread-rooms", unread));
    slot(root, "alone").hidden = rooms.length > 1;
    if (isFirst) requestAnimationFrame(reveal); // After the page has restored where the list was scrolled to.
  }

  /** Scrolls to the current room, if it isn't on the screen. */
  function reveal() {
    list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  function make({ slug, isCurrent }) {
    const item = fromTemplate(root, "room");
    item.dataset.room = slug;
    const link = slot(item, "link");
    link.href = roomURL(slug);
    if (isCurrent) link.setAttribute("aria-current", "page");
    slot(item, "menu").hidden = isCurrent; // The current room can't be removed.
    return item;
  }

  function fill(item, room) {
    const { slug, title, unread, isPinned, isMuted, hasUnsent } = room;
    setText(slot(item, "title"), title);
    slot(item, "link").title = title === slug ? `#${slug}` : `${title} (#${slug})`;
    slot(item, "unsent").toggleAttribute("hidden", !hasUnsent);
    slot(item, "pinned").toggleAttribute("hidden", !isPinned);
    slot(item, "sign").hidden = isPinned;
    slot(item, "muted").toggleAttribute("hidden", !isMuted);
    item.classList.toggle("is-muted", isMuted);
    item.classList.toggle("is-unread", unread > 0);
    fillCount(item, room, plural);
  }

  /** The next unread room after the focused one, or below the visible part; otherwise the first one. */
  function nextUnread() {
    const unread = [...list.querySelectorAll(".is-unread")];
    const focused = unread.findIndex((item) => item.contains(document.activeElement));
    if (focused >= 0) return unread[(focused + 1) % unread.length];
    const end = list.getBoundingClientRect().bottom;
    return unread.find((item) => item.getBoundingClientRect().bottom > end) ?? unread[0];
  }

  /** Removes a room. The focus stays in the list. */
  function leave(slug) {
    const { item } = items.get(slug) ?? {};
    const neighbour = item?.nextElementSibling ?? item?.previousElementSibling;
    if (neighbour) slot(neighbour, "link").focus();
    forget.emit({ slug });
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
