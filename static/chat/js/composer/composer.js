/**
 * The message field. Enter sends and Shift+Enter starts a new line, or Enter starts a new line and the button sends (`enter-key.js`). The text is kept as a draft until it is sent.
 *
 * Other modules may borrow the field for a text that isn't a new message: the draft is put aside until they give it back. They may also set a
 * context that is sent with each message.
 */
import {
  APP_LAUNCHED,
  CHANGE_NAME,
  COMPOSER_ESCAPED,
  FILL_COMPOSER,
  FOCUS_COMPOSER,
  OPEN_SCREEN_NAME,
  ROOM_WELCOMED,
  SEND_MESSAGE,
  SESSION_CHANGED,
  subscribeAll,
} from "../app/events.js";
import { ChosenPeople } from "./chosen-people.js";
import { cleanBody } from "../kit/clean.js";
import { readCommand } from "../kit/commands.js";
import { isCovered } from "../kit/dialog.js";
import { isComposing, listen, setText, slot } from "../kit/dom.js";
import { openDraft } from "../kit/draft.js";
import { COMPOSER, takeEscape } from "../kit/key-stack.js";
import { hasModifier, takesText, typesText } from "../kit/keys.js";
import { readWords } from "../kit/words.js";
import { enterSends } from "./enter-key.js";
import { borrow, enterKeyChanged, giveBack, lastWanted, openHelp, personChosen, setContext, submitted, typed } from "./signals.js";
import { split } from "./splitting.js";

const COUNT_FROM = 0.9; // The share of the limit from which the remaining characters are shown.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const draft = openDraft(document.body.dataset.room);
  const { word, plural } = readWords(root);
  const field = root.elements.body;
  const button = slot(root, "send");
  const left = slot(root, "left");
  const splitter = slot(root, "split");
  const problem = slot(root, "problem");
  let limit = Number(root.dataset.bodyLimit);
  let isBorrowed = false;
  let mayRename = true;
  let context = {};
  const chosen = new ChosenPeople();

  field.value = draft.read();
  hintKey();

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: refresh,
      [ROOM_WELCOMED](welcome) {
        limit = welcome.limits?.body ?? limit;
        refresh();
      },
      [SESSION_CHANGED]: (session) => (mayRename = session.mayRename),
      [FOCUS_COMPOSER]: () => field.focus(),
      [FILL_COMPOSER]({ body }) {
        draft.write([draft.read().trimEnd(), body].filter(Boolean).join("\n"));
        if (!isBorrowed) show(draft.read());
        field.focus();
      },
    }),
    setContext.listen((set) => {
      context = set.context;
      if (set.isNew) field.focus();
    }),
    giveBack.listen(() => {
      if (!isBorrowed) return;
      isBorrowed = false;
      show(draft.read(), word("send"));
    }),
    borrow.listen(({ body, label }) => {
      isBorrowed = true;
      show(body, label);
      field.focus();
    }),
    personChosen.listen((person) => chosen.add(person)),
    draft.watchSent(() => {
      if (!isBorrowed) show("");
    }),
    listen(root, "submit", (event) => {
      event.preventDefault();
      send();
    }),
    listen(splitter, "click", sendParts),
    listen(field, "keydown", (event) => {
      if (event.shiftKey || isComposing(event)) return;
      const asksForLast = event.key === "ArrowUp" && !hasModifier(event) && !isBorrowed && !field.value;
      const sends = event.key === "Enter" && (enterSends() || event.ctrlKey || event.metaKey);
      if (!sends && !asksForLast) return;
      event.preventDefault();
      if (asksForLast) lastWanted.emit();
      else send();
    }),
    listen(field, "input", () => {
      setText(problem, "");
      refresh();
      if (!isBorrowed) draft.write(field.value);
      if (field.value.trim()) typed.emit({ body: field.value });
    }),
    takeEscape(COMPOSER, letGo),
    listen(window, "resize", fit),
    enterKeyChanged.listen(hintKey),
    listen(document, "keydown", takeKey),
  ];

  function send() {
    const body = tidied();
    if (room() < 0) return setText(problem, plural("over", -room()));
    if (isBorrowed) return submitted.emit({ body, mentions: chosen.in(body) });
    if (!body) return;
    const { kind, text } = readCommand(body);
    if (kind === "unknown") return setText(problem, word("unknown", { command: text }));
    if (kind === "incomplete") return setText(problem, word("incomplete"));
    if (kind === "nick" && !mayRename) return setText(problem, word("given-name"));
    if (kind === "say") events.publish(SEND_MESSAGE, { body: text, mentions: chosen.in(text), ...context });
    if (kind === "help") openHelp.emit();
    if (kind === "nick" && text) events.publish(CHANGE_NAME, { name: text });
    if (kind === "nick" && !text) events.publish(OPEN_SCREEN_NAME);
    empty();
    if (kind !== "help") field.focus();
  }

  function empty() {
    field.value = "";
    chosen.forget();
    draft.clear();
    setText(problem, "");
    refresh();
  }

  function sendParts() {
    const parts = (partsOf(tidied()) ?? []).map((body) => ({ body, mentions: chosen.in(body) }));
    empty();
    parts.forEach((part, index) => events.publish(SEND_MESSAGE, index ? part : { ...part, ...context }));
    field.focus();
  }

  /** The messages that a text which is too long for one can be sent as, if there are any. */
  function partsOf(body) {
    return isBorrowed || body.startsWith("/") ? null : split(body, limit);
  }

  /** Ends the borrowing of the field, or its context. */
  function letGo({ target, shiftKey }) {
    if (target !== field || shiftKey || !(isBorrowed || Object.keys(context).length)) return false;
    events.publish(COMPOSER_ESCAPED, { isBorrowed });
    return true;
  }

  function show(body, label = "") {
    field.value = body;
    if (label) setText(slot(root, "send-label"), label);
    setText(problem, "");
    refresh();
  }

  /** The text without empty lines around it. Its first line keeps its indentation. */
  function tidied() {
    const body = cleanBody(field.value).replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
    return body.trimStart().startsWith("/") ? body.trimStart() : body;
  }

  /** The number of characters, which the server counts as code points. */
  function room() {
    return limit - [...tidied()].length;
  }

  function hintKey() {
    field.enterKeyHint = enterSends() ? "send" : "enter";
    slot(root, "hint-sends").hidden = !enterSends();
    slot(root, "hint-breaks").hidden = enterSends();
  }

  function refresh() {
    const isFull = room() < 0;
    // Not `disabled`: a button that was just pressed would lose the focus.
    button.setAttribute("aria-disabled", String(isFull || (!isBorrowed && !field.value.trim())));
    root.classList.toggle("is-full", isFull);
    field.setAttribute("aria-invalid", String(isFull));
    left.hidden = room() > limit * (1 - COUNT_FROM);
    if (!left.hidden) setText(left, isFull ? plural("over", -room()) : plural("left", room()));
    const parts = isFull ? partsOf(tidied()) : null;
    splitter.hidden = !parts;
    if (parts) setText(splitter, plural("split", parts.length));
    fit();
  }

  function fit() {
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`; // The stylesheet limits it.
  }

  /** Moves the focus into the field when a character is typed elsewhere, unless another field has the focus. */
  function takeKey(event) {
    if (!typesText(event) || event.defaultPrevented || isCovered()) return;
    if (takesText(event.target)) return;
    field.focus();
  }

  return function unmount() {
    ends.forEach((end) => end());
  };
}
