/**
 * The list of people: a star before the reader, a person icon before others. A person who leaves turns red and fades.
 *
 * A click shows only a person's messages. The button beside it adds the person to the filter or removes them. Mentions and links work the same way.
 */
import {
  FILTER_CHANGED,
  MEMBER_AWAY,
  MEMBER_JOINED,
  MEMBER_LEFT,
  MEMBER_RENAMED,
  NAMESAKES_CHANGED,
  OPEN_MENU,
  OPEN_SCREEN_NAME,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SESSION_CHANGED,
  TOGGLE_FILTER,
  subscribeAll,
} from "../app/events.js";
import { fromTemplate, listen, setText, slot } from "../kit/dom.js";
import { paintAvatar, tagOf } from "../kit/names.js";
import { formatNumber, readWords } from "../kit/words.js";

const FADE_MS = 3_000; // The length of the stylesheet's animation.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const list = slot(root, "members");
  const everything = slot(root, "everything");
  const conditions = [...root.querySelectorAll("[data-condition]")];
  const rest = slot(root, "rest");
  const collator = new Intl.Collator(document.documentElement.lang || "en");
  const items = new Map(); // id -> {member, item, leaving: the timer that ends the fade}
  let me = null;
  let online = 0;
  let filter = null;
  let namesakes = new Map();

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED](session) {
        me = session.id;
        root.classList.toggle("has-menus", session.isModerator);
        root.classList.toggle("has-fixed-name", !session.mayRename);
      },
      [ROOM_WELCOMED](welcome) {
        const present = new Set(welcome.members.map((member) => member.id));
        for (const id of [...items.keys()]) if (!present.has(id)) remove(id);
        welcome.members.forEach(put);
        count(welcome.online);
      },
      [MEMBER_JOINED](joined) {
        put(joined.member);
        count(joined.online);
      },
      [MEMBER_RENAMED](renamed) {
        if (items.has(renamed.member.id)) put(renamed.member);
        count(renamed.online);
      },
      [MEMBER_AWAY]({ id, on }) {
        const known = items.get(id);
        if (!known) return;
        known.member = { ...known.member, away: on };
        markAway(known);
      },
      [MEMBER_LEFT](left) {
        fade(left.id);
        count(left.online);
      },
      [ROOM_PULSED]: (pulse) => count(pulse.online),
      [NAMESAKES_CHANGED]({ numbers }) {
        namesakes = numbers;
        for (const { member } of items.values()) label(member);
      },
      [FILTER_CHANGED](changed) {
        filter = changed.filter;
        mark();
      },
    }),
    listen(root, "click", ({ target }) => {
      if (target.closest("[data-rename]")) events.publish(OPEN_SCREEN_NAME);
      const button = target.closest("[data-slot=add]");
      if (button) events.publish(TOGGLE_FILTER, partOf(button.parentElement));
      const anchor = target.closest("[data-slot=menu]");
      if (anchor) openMenu(anchor, items.get(target.closest("li").dataset.member).member);
    }),
  ];

  function openMenu(anchor, subject) {
    events.publish(OPEN_MENU, { kind: "member", anchor, subject, traits: ["others"] });
  }

  function put(member) {
    const known = items.get(member.id);
    clearTimeout(known?.leaving);
    const item = known?.item ?? fromTemplate(root, member.id === me ? "myself" : "member");
    item.classList.remove("is-leaving");
    item.classList.toggle("is-bot", Boolean(member.bot));
    slot(item, "bot").hidden = !member.bot;
    items.set(member.id, { member, item, leaving: null });
    item.dataset.member = member.id;
    slot(item, "link").href = `#users/${encodeURIComponent(member.id)}`;
    label(member);
    markAway(items.get(member.id));
    const next = following(member);
    if (!item.isConnected || item.nextElementSibling !== next) list.insertBefore(item, next); // A moved item would lose the focus.
    markEntry(item, isShown(member.id));
  }

  function label({ id, name }) {
    const { item } = items.get(id);
    setText(slot(item, "name"), name);
    setText(slot(item, "tag"), tagOf(namesakes, id, name));
    paintAvatar(slot(item, "avatar"), { id, name });
  }

  function markAway({ member, item }) {
    item.classList.toggle("is-away", Boolean(member.away));
    slot(item, "away").hidden = !member.away;
    item.title = member.away ? word("away") : "";
  }

  /** The item before which `member` belongs: the reader first, then people by name, then bots by name. */
  function following(member) {
    if (member.id === me) return [...list.children].find((item) => item.dataset.member !== me) ?? null;
    const order = (other) => Number(member.bot ?? false) - Number(other.bot ?? false) || collator.compare(member.name, other.name) || (member.id < other.id ? -1 : 1);
    const later = ({ dataset }) => dataset.member !== me && dataset.member !== member.id && order(items.get(dataset.member).member) < 0;
    return [...list.children].find(later) ?? null;
  }

  function fade(id) {
    const leaver = items.get(id);
    if (!leaver || leaver.leaving) return;
    leaver.item.classList.add("is-leaving");
    leaver.leaving = setTimeout(() => remove(id), FADE_MS);
  }

  function remove(id) {
    clearTimeout(items.get(id).leaving);
    items.get(id).item.remove();
    items.delete(id);
    count(online);
  }

  function count(number) {
    online = number;
    setText(slot(root, "count"), formatNumber(online));
    slot(root, "counted").hidden = false;
    const staying = [...items.values()].filter(({ leaving, member }) => !leaving && !member.bot).length; // Bots aren't counted.
    rest.hidden = online <= staying;
    setText(rest, plural("rest", Math.max(0, online - staying)));
  }

  function mark() {
    markLink(everything, filter === null);
    for (const entry of conditions) markEntry(entry, Boolean(filter?.[entry.dataset.condition]));
    for (const [id, { item }] of items) markEntry(item, isShown(id));
  }

  function isShown(id) {
    return Boolean(filter?.authors.includes(id));
  }

  function partOf({ dataset: { member, condition } }) {
    return condition ? { [condition]: true } : { authors: [member] };
  }

  function markEntry(item, isOn) {
    markLink(slot(item, "link"), isOn);
    slot(item, "add").setAttribute("aria-pressed", String(isOn));
  }

  function markLink(link, isCurrent) {
    if (isCurrent) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }

  return function unmount() {
    ends.forEach((end) => end());
    for (const id of [...items.keys()]) remove(id);
  };
}
