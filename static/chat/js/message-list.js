/** The messages, oldest first, and at the end what I said that isn't acknowledged yet. */
import {
  AMENDMENTS_CHANGED,
  DISCARD_MESSAGE,
  FILTER_CHANGED,
  IDENTITY_READY,
  LOAD_OLDER,
  MEMBER_RENAMED,
  MENU_CHOSEN,
  MESSAGE_FILLED,
  NAMESAKES_CHANGED,
  NAME_CHOSEN,
  OPEN_MENU,
  OUTBOX_CHANGED,
  RETRY_MESSAGE,
  ROOM_WELCOMED,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_LOADING,
  TIMELINE_RESET,
  subscribeAll,
} from "./events.js";
import { amended } from "./lib/amend.js";
import { arrange, arrangeAround } from "./lib/arrange.js";
import { listen, slot } from "./lib/dom.js";
import { showsMine } from "./lib/filter.js";
import { entryOfKey, traitsOf } from "./lib/message-tools.js";
import { fillMessage, fillPending, fillTag, markMentions, newMessage, stopPending } from "./lib/message-view.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const words = readWords(root);
  const list = slot(root, "messages");
  const older = slot(root, "older");
  const items = new Map(); // seq -> li
  const pending = new Map(); // nonce -> li
  const messages = new WeakMap(); // li -> message
  let amendments = [];
  let me = { id: null, name: "" };
  let entries = [];
  let filter = null;
  let namesakes = new Set();
  let isLoaded = false;
  let isLoading = false; // Older ones are on their way.
  let isMore = false; // Older ones exist.

  const ends = [
    subscribeAll(events, {
      // Known before the welcome, for what waits in the outbox while offline.
      [IDENTITY_READY]: ({ uuid }) => meet({ id: uuid }),
      [NAME_CHOSEN]: ({ name }) => meet({ name }),
      [MEMBER_RENAMED]: ({ member }) => member.id === me.id && meet(member),
      [ROOM_WELCOMED](welcome) {
        isLoaded = true;
        meet(welcome.me);
      },
      [TIMELINE_RESET]({ messages, more, newer }) {
        for (const item of items.values()) item.remove();
        items.clear();
        list.classList.toggle("has-newer", newer);
        isMore = more;
        insert(messages);
        arrange(list);
      },
      [TIMELINE_EXTENDED]({ messages, more, newer }) {
        list.classList.toggle("has-newer", newer);
        isMore = more;
        insert(messages);
        arrange(list);
      },
      [TIMELINE_CHANGED]({ added, changed, removed }) {
        for (const message of changed) fill(items.get(message.seq), message);
        for (const item of insert(added)) arrangeAround(item);
        if (removed.length) remove(removed);
      },
      [TIMELINE_LOADING](loading) {
        isLoading = loading.isLoading;
        older.classList.toggle("is-loading", isLoading);
        older.setAttribute("aria-busy", String(isLoading));
        showStates();
      },
      [OUTBOX_CHANGED](outbox) {
        entries = outbox.entries;
        showPending();
      },
      [AMENDMENTS_CHANGED]({ entries: news, seqs }) {
        amendments = news.filter(({ state }) => state === "sending");
        for (const seq of seqs) if (items.has(seq)) fill(items.get(seq), messages.get(items.get(seq)));
      },
      [FILTER_CHANGED](changed) {
        filter = changed.filter;
        showPending();
      },
      [NAMESAKES_CHANGED]({ names }) {
        namesakes = names;
        for (const item of list.children) fillTag(item, namesakes);
      },
    }),
    listen(slot(older, "button"), "click", () => events.publish(LOAD_OLDER)),
    listen(list, "click", ({ target }) => {
      const { action } = target.closest("[data-action]")?.dataset ?? {};
      const tool = target.closest("[data-entry]");
      const item = target.closest("li");
      if (action === "unfold") item.classList.remove("is-folded");
      if (action === "retry") events.publish(RETRY_MESSAGE, { nonce: item.dataset.nonce });
      if (action === "discard") events.publish(DISCARD_MESSAGE, { nonce: item.dataset.nonce });
      if (action === "menu") openMenu(item);
      if (tool && messages.has(item)) choose(item, tool.dataset.entry, tool.dataset.value, tool);
    }),
    listen(list, "keydown", chooseByKey),
    listen(list, "contextmenu", openByLongPress),
  ];

  function openMenu(item) {
    const subject = asShown(messages.get(item));
    events.publish(OPEN_MENU, { kind: "message", anchor: slot(item, "menu"), subject, traits: traitsOf(subject, me.id) });
  }

  function openByLongPress(event) {
    const item = event.target.closest("li");
    if (event.pointerType !== "touch" || !messages.has(item) || event.target.closest("a, pre, button")) return;
    event.preventDefault();
    openMenu(item);
  }

  function chooseByKey(event) {
    const entry = entryOfKey(event);
    const item = event.target.closest("li");
    if (!entry || !messages.has(item)) return;
    const subject = asShown(messages.get(item));
    if (subject.deleted || (entry === "edit" && subject.author.id !== me.id)) return;
    event.preventDefault();
    choose(item, entry);
  }

  /** As if it were chosen in the menu. */
  function choose(item, entry, value = null, anchor = slot(item, "menu")) {
    events.publish(MENU_CHOSEN, { entry, value, kind: "message", subject: asShown(messages.get(item)), anchor });
  }

  /** With what I have asked for and the server hasn't answered yet. */
  function asShown(message) {
    const own = amendments.filter(({ seq }) => seq === message.seq);
    return own.length ? amended(message, own, me.id) : message;
  }

  function fill(item, message) {
    messages.set(item, message);
    const shown = asShown(message);
    fillMessage(item, shown, words);
    markMentions(item, me.id);
    events.publish(MESSAGE_FILLED, { item, message: shown });
  }

  function meet(news) {
    me = { ...me, ...news };
    for (const item of items.values()) {
      item.classList.toggle("is-own", item.dataset.author === me.id);
      markMentions(item, me.id);
    }
    showPending();
  }

  /** Puts messages (by seq) into their places; returns their items. */
  function insert(arrived) {
    const made = arrived.map((message) => {
      const item = newMessage(root);
      fill(item, message);
      fillTag(item, namesakes);
      item.classList.toggle("is-own", message.author.id === me.id);
      items.set(message.seq, item);
      list.insertBefore(item, placeOf(message.seq));
      return item;
    });
    showStates();
    return made;
  }

  function remove(seqs) {
    for (const seq of seqs) {
      items.get(seq)?.remove();
      items.delete(seq);
    }
    arrange(list);
    showStates();
  }

  /** The item before which `seq` belongs. Looked for from the end, where nearly all of them go. */
  function placeOf(seq) {
    let after = pending.values().next().value ?? null;
    let item = after ? after.previousElementSibling : list.lastElementChild;
    while (item && Number(item.dataset.seq) > seq) {
      after = item;
      item = item.previousElementSibling;
    }
    return after;
  }

  function showPending() {
    const nonces = new Set(entries.map((entry) => entry.nonce));
    for (const [nonce, item] of pending) {
      if (nonces.has(nonce)) continue;
      stopPending(item);
      item.remove();
      pending.delete(nonce);
    }
    for (const entry of entries) {
      const item = pending.get(entry.nonce) ?? newMessage(root);
      pending.set(entry.nonce, item);
      fillPending(item, entry, me, words);
      events.publish(MESSAGE_FILLED, { item, message: entry });
      fillTag(item, namesakes);
      // What couldn't be sent wants its writer, whatever is shown.
      item.hidden = !showsMine(filter, me.id) && entry.state !== "failed";
      if (!item.isConnected) list.append(item);
      arrangeAround(item);
    }
    showStates();
  }

  function showStates() {
    const isEmpty = !list.querySelector("li:not([hidden])");
    const isWaiting = !isLoaded || isLoading;
    root.classList.toggle("is-loaded", isLoaded);
    older.hidden = !isMore || (isEmpty && isWaiting);
    slot(root, "skeleton").hidden = !isEmpty || !isWaiting;
    slot(root, "empty").hidden = !isEmpty || isWaiting || filter !== null;
    slot(root, "empty-filter").hidden = !isEmpty || isWaiting || isMore || filter === null;
  }

  return function unmount() {
    ends.forEach((end) => end());
    for (const item of pending.values()) stopPending(item);
    list.replaceChildren();
  };
}
