/**
 * The field at the bottom: Enter sends, Shift+Enter breaks the line. What is written there is kept until it is sent.
 *
 * Others may borrow it for words that aren't a new message: the draft is put aside until they give it back. And they may set a context, which
 * goes with each message.
 */
import {
  APP_LAUNCHED,
  BORROW_COMPOSER,
  CHANGE_NAME,
  COMPOSER_ESCAPED,
  COMPOSER_SUBMITTED,
  COMPOSER_TYPED,
  EDIT_LAST,
  FILL_COMPOSER,
  HELP_CLOSED,
  OPEN_HELP,
  OPEN_SCREEN_NAME,
  RETURN_COMPOSER,
  ROOM_WELCOMED,
  SCREEN_NAME_CLOSED,
  SEND_MESSAGE,
  SET_CONTEXT,
  subscribeAll,
} from "./events.js";
import { readCommand } from "./lib/commands.js";
import { isComposing, listen, setText, slot } from "./lib/dom.js";
import { openDraft } from "./lib/draft.js";
import { readWords } from "./lib/words.js";

const COUNT_FROM = 0.9; // The characters left are worth a thought only near the end.

export function mount({ events, root }) {
  const draft = openDraft(root.dataset.room);
  const { word, plural } = readWords(root);
  const field = root.elements.body;
  const button = slot(root, "send");
  const left = slot(root, "left");
  const problem = slot(root, "problem");
  let limit = Number(root.dataset.bodyLimit);
  let isBorrowed = false;
  let context = {};

  field.value = draft.read();

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: refresh,
      [ROOM_WELCOMED](welcome) {
        limit = welcome.limits?.body ?? limit;
        refresh();
      },
      [SCREEN_NAME_CLOSED]: () => field.focus(),
      [HELP_CLOSED]: () => field.focus(),
      [BORROW_COMPOSER]({ body, label }) {
        isBorrowed = true;
        show(body, label);
        field.focus();
      },
      [RETURN_COMPOSER]() {
        if (!isBorrowed) return;
        isBorrowed = false;
        show(draft.read(), word("send"));
      },
      [SET_CONTEXT](set) {
        context = set.context;
        if (set.isNew) field.focus();
      },
      [FILL_COMPOSER]({ body }) {
        draft.write([draft.read().trimEnd(), body].filter(Boolean).join("\n"));
        if (!isBorrowed) show(draft.read());
        field.focus();
      },
    }),
    draft.watchSent(() => {
      if (!isBorrowed) show("");
    }),
    listen(root, "submit", (event) => {
      event.preventDefault();
      send();
    }),
    listen(field, "keydown", (event) => {
      if (event.shiftKey || isComposing(event)) return;
      if (event.key === "Escape") {
        if (isBorrowed || Object.keys(context).length) event.preventDefault(); // It ends that, and nothing else.
        events.publish(COMPOSER_ESCAPED, { isBorrowed });
      }
      const asksForLast = event.key === "ArrowUp" && !isBorrowed && !field.value;
      if (event.key !== "Enter" && !asksForLast) return;
      event.preventDefault();
      if (asksForLast) events.publish(EDIT_LAST);
      else send();
    }),
    listen(field, "input", () => {
      setText(problem, "");
      refresh();
      if (!isBorrowed) draft.write(field.value);
      if (field.value.trim()) events.publish(COMPOSER_TYPED, { body: field.value });
    }),
    listen(window, "resize", fit),
    listen(document, "keydown", takeKey),
  ];

  function send() {
    const body = field.value.trim();
    if (room() < 0) return;
    if (isBorrowed) return events.publish(COMPOSER_SUBMITTED, { body });
    if (!body) return;
    const { kind, text } = readCommand(body);
    if (kind === "unknown") return setText(problem, word("unknown", { command: text }));
    if (kind === "incomplete") return setText(problem, word("incomplete"));
    if (kind === "say") events.publish(SEND_MESSAGE, { body: text, ...context });
    if (kind === "help") events.publish(OPEN_HELP);
    if (kind === "nick" && text) events.publish(CHANGE_NAME, { name: text });
    if (kind === "nick" && !text) events.publish(OPEN_SCREEN_NAME);
    field.value = "";
    draft.clear();
    setText(problem, "");
    refresh();
    if (kind !== "help") field.focus();
  }

  function show(body, label = null) {
    field.value = body;
    if (label) setText(slot(root, "send-label"), label);
    setText(problem, "");
    refresh();
  }

  /** Characters as the server counts them: code points. */
  function room() {
    return limit - [...field.value.trim()].length;
  }

  function refresh() {
    const isFull = room() < 0;
    // Not `disabled`: that would take the focus away from somebody who just pressed it.
    button.setAttribute("aria-disabled", String(isFull || (!isBorrowed && !field.value.trim())));
    root.classList.toggle("is-full", isFull);
    left.hidden = room() > limit * (1 - COUNT_FROM);
    if (!left.hidden) setText(left, isFull ? plural("over", -room()) : plural("left", room()));
    fit();
  }

  function fit() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`; // The stylesheet sets the most.
  }

  /** A letter typed anywhere belongs into the field, unless something else on the page takes text. */
  function takeKey(event) {
    const isText = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (!isText || event.defaultPrevented || document.querySelector(".modal.show, .offcanvas-md.show")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    field.focus();
  }

  return function unmount() {
    ends.forEach((end) => end());
  };
}
