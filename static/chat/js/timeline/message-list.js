/** The list of messages near the screen (`timeline/render-window.js`), oldest first, followed by the reader's unacknowledged messages. */
import {
  AMENDMENTS_CHANGED,
  DISCARD_MESSAGE,
  FILTER_CHANGED,
  MENU_CHOSEN,
  MESSAGE_FILLED,
  NAMESAKES_CHANGED,
  OPEN_MENU,
  OUTBOX_CHANGED,
  RETRY_MESSAGE,
  ROOM_WELCOMED,
  SESSION_CHANGED,
  SHOW_NEWEST,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_RESET,
  TIMELINE_TRIMMED,
  VIEW_MOVED,
  subscribeAll,
} from "../app/events.js";
import { amended } from "../kit/pending-changes.js";
import { arrangeAround } from "./grouping.js";
import { listen, slot } from "../kit/dom.js";
import { RenderedList } from "./rendered-list.js";
import { showsMine } from "../kit/filter.js";
import { entryOfKey, traitsOf } from "./message-tools.js";
import { fillMessage, fillPending, fillTag, markMentions, newMessage, setFolded, stopPending } from "./message-view.js";
import { readWords } from "../kit/words.js";
import { listRendered, loadOlder, loadingChanged, messageRendered, messageShown, messageUnfolded } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const words = readWords(root);
  const list = slot(root, "messages");
  const older = slot(root, "older");
  const rendered = new RenderedList(list, newItem, publishRendered);
  const { stretch } = rendered;
  const unfolded = new Set(); // seqs
  const pending = new Map(); // nonce -> li
  const messages = new WeakMap(); // li -> message
  let amendments = [];
  let me = { id: /** @type {string | null} */ (null), name: "" };
  let entries = [];
  let filter = null;
  let namesakes = new Map();
  let isLoaded = false;
  let isLoading = false; // Older messages are on their way.
  let isMore = false; // Older messages can be requested.
  let isOld = false; // An old place is shown.

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: meet,
      [ROOM_WELCOMED]() {
        isLoaded = true;
        showStates();
      },
      [TIMELINE_RESET]({ messages, more, newer }) {
        [isMore, isOld] = [more, newer];
        stretch.reset(messages, !newer);
        rendered.rerender();
      },
      [TIMELINE_EXTENDED]({ messages, more, newer }) {
        [isMore, isOld] = [more, newer];
        stretch.add(messages);
        stretch.grow();
        rendered.render();
      },
      [TIMELINE_TRIMMED]({ oldest, newest, more, newer }) {
        [isMore, isOld] = [more, newer];
        rendered.keep(oldest, newest);
      },
      [TIMELINE_CHANGED]({ added, changed, removed }) {
        stretch.replace(changed);
        for (const message of changed) if (rendered.get(message.seq)) fill(rendered.get(message.seq), message);
        stretch.add(added);
        rendered.renderNew();
        if (removed.length) rendered.remove(removed);
        showStates();
      },
      [VIEW_MOVED](view) {
        stretch.view = view;
        if (stretch.grow()) rendered.render();
      },
      [SHOW_NEWEST]() {
        if (stretch.goToEnd()) rendered.rerender();
      },
      [OUTBOX_CHANGED](outbox) {
        entries = outbox.entries;
        showPending();
      },
      [AMENDMENTS_CHANGED]({ entries: changed, seqs }) {
        amendments = changed.filter(({ state }) => state === "sending");
        for (const seq of seqs) if (rendered.get(seq)) fill(rendered.get(seq), messages.get(rendered.get(seq)));
      },
      [FILTER_CHANGED](changed) {
        filter = changed.filter;
        showPending();
      },
      [NAMESAKES_CHANGED]({ numbers }) {
        namesakes = numbers;
        for (const item of list.children) fillTag(item, namesakes);
      },
    }),
    messageShown.listen((shown) => {
      if (stretch.goTo(shown.seq)) rendered.rerender();
      messageRendered.emit(shown);
    }),
    loadingChanged.listen((loading) => {
      isLoading = loading.isLoading;
      older.classList.toggle("is-loading", isLoading);
      older.setAttribute("aria-busy", String(isLoading));
      showStates();
    }),
    listen(slot(older, "button"), "click", () => loadOlder.emit()),
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
    const note = slot(item, "link").dataset.exact; // There is no pointer over the time on a touch screen.
    events.publish(OPEN_MENU, { kind: "message", anchor: slot(item, "menu"), subject, traits: traitsOf(subject, me.id), note });
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

  /** Publishes the same event as a choice in the menu. */
  function choose(item, entry, value = null, anchor = slot(item, "menu")) {
    events.publish(MENU_CHOSEN, { entry, value, kind: "message", subject: asShown(messages.get(item)), anchor });
  }

  /** The message with the reader's unanswered changes. */
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

  function meet({ id, name }) {
    me = { id, name };
    for (const item of rendered.items) {
      item.classList.toggle("is-own", item.dataset.author === me.id);
      markMentions(item, me.id);
    }
    showPending();
  }

  function publishRendered() {
    list.classList.toggle("has-newer", isOld || stretch.hasBelow);
    showStates();
    listRendered.emit({ hasBelow: stretch.hasBelow });
  }

  function newItem(message) {
    const item = newMessage(root);
    fill(item, message);
    fillTag(item, namesakes);
    item.classList.toggle("is-own", message.author.id === me.id);
    if (unfolded.has(message.seq)) setFolded(item, false, words);
    return item;
  }

  /** Unfolds a message or folds it again, also for the time after edits and after its node was removed. */
  function unfold(item) {
    const isFolded = !item.classList.contains("is-folded");
    setFolded(item, isFolded, words);
    const seq = Number(item.dataset.seq); // NaN for one that isn't sent yet.
    if (isFolded) unfolded.delete(seq);
    else if (seq) unfolded.add(seq);
    messageUnfolded.emit({ item });
    if (isFolded) item.scrollIntoView({ block: "nearest" });
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
      // A failed message shows under every filter.
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
