/** The messages around what is read (`lib/stretch.js`), oldest first, and at the end what I said that isn't acknowledged yet. */
import {
  AMENDMENTS_CHANGED,
  DISCARD_MESSAGE,
  FILTER_CHANGED,
  IDENTITY_READY,
  LIST_DRAWN,
  LOAD_OLDER,
  MEMBER_RENAMED,
  MENU_CHOSEN,
  MESSAGE_DRAWN,
  MESSAGE_FILLED,
  MESSAGE_SHOWN,
  MESSAGE_UNFOLDED,
  NAMESAKES_CHANGED,
  NAME_CHOSEN,
  OPEN_MENU,
  OUTBOX_CHANGED,
  RETRY_MESSAGE,
  ROOM_WELCOMED,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_LOADING,
  TIMELINE_RESET,
  TIMELINE_TRIMMED,
  VIEW_MOVED,
  subscribeAll,
} from "./events.js";
import { amended } from "./lib/amend.js";
import { arrangeAround } from "./lib/arrange.js";
import { listen, slot } from "./lib/dom.js";
import { DrawnList } from "./lib/drawn-list.js";
import { showsMine } from "./lib/filter.js";
import { entryOfKey, traitsOf } from "./lib/message-tools.js";
import { fillMessage, fillPending, fillTag, markMentions, newMessage, stopPending } from "./lib/message-view.js";
import { readWords } from "./lib/words.js";

export function mount({ events, root }) {
  const words = readWords(root);
  const list = slot(root, "messages");
  const older = slot(root, "older");
  const drawn = new DrawnList(list, newItem, tellDrawn);
  const { stretch } = drawn;
  const unfolded = new Set(); // seqs
  const pending = new Map(); // nonce -> li
  const messages = new WeakMap(); // li -> message
  let amendments = [];
  let me = { id: null, name: "" };
  let entries = [];
  let filter = null;
  let namesakes = new Set();
  let isLoaded = false;
  let isLoading = false; // Older ones are on their way.
  let isMore = false; // Older ones can be asked for.
  let isOld = false; // An old place is shown.

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
        isMore = more;
        isOld = newer;
        stretch.reset(messages, !newer);
        drawn.redraw();
      },
      [TIMELINE_EXTENDED]({ messages, more, newer }) {
        isMore = more;
        isOld = newer;
        stretch.add(messages);
        stretch.grow();
        drawn.draw();
      },
      [TIMELINE_CHANGED]({ added, changed, removed }) {
        stretch.replace(changed);
        for (const message of changed) if (drawn.get(message.seq)) fill(drawn.get(message.seq), message);
        stretch.add(added);
        drawn.drawNews();
        if (removed.length) drawn.remove(removed);
        showStates();
      },
      [TIMELINE_TRIMMED]({ oldest }) {
        isMore = true;
        drawn.forget(oldest);
      },
      [VIEW_MOVED](view) {
        stretch.view = view;
        if (stretch.grow()) drawn.draw();
      },
      [MESSAGE_SHOWN](shown) {
        if (stretch.goTo(shown.seq)) drawn.redraw();
        events.publish(MESSAGE_DRAWN, shown);
      },
      [SHOW_NEWEST]() {
        if (stretch.goToEnd()) drawn.redraw();
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
        for (const seq of seqs) if (drawn.get(seq)) fill(drawn.get(seq), messages.get(drawn.get(seq)));
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
      if (action === "unfold") unfold(item);
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
    const item = event.target.closest("li");
    const entry = messages.has(item) && entryOfKey(event, asShown(messages.get(item)), me.id);
    if (!entry) return;
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
    for (const item of drawn.items) {
      item.classList.toggle("is-own", item.dataset.author === me.id);
      markMentions(item, me.id);
    }
    showPending();
  }

  function tellDrawn() {
    list.classList.toggle("has-newer", isOld || stretch.hasBelow);
    showStates();
    events.publish(LIST_DRAWN, { hasBelow: stretch.hasBelow });
  }

  function newItem(message) {
    const item = newMessage(root);
    fill(item, message);
    fillTag(item, namesakes);
    item.classList.toggle("is-own", message.author.id === me.id);
    if (unfolded.has(message.seq)) item.classList.remove("is-folded");
    return item;
  }

  /** What the reader opened stays open, through edits and comings and goings. */
  function unfold(item) {
    item.classList.remove("is-folded");
    unfolded.add(Number(item.dataset.seq));
    events.publish(MESSAGE_UNFOLDED, { seq: Number(item.dataset.seq) });
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
    older.hidden = (!isMore && !stretch.hasAbove) || (isEmpty && isWaiting);
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
