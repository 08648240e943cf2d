/** Copies a message's text, its link or the room's, and confirms it. */
import { MENU_CHOSEN, subscribeAll } from "../app/events.js";
import { setText } from "../kit/dom.js";
import { readWords } from "../kit/words.js";

const SHOWN_MS = 3_000;

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const text = root.firstElementChild;
  let timer = null;

  const end = subscribeAll(events, {
    [MENU_CHOSEN]({ entry, kind, subject, anchor }) {
      if (kind === "room" && entry === "copy-link") copy(new URL(location.pathname, location.href).href, "link", anchor);
      if (kind !== "message") return;
      if (entry === "copy-text") copy(subject.body, "text", anchor);
      if (entry === "copy-link") copy(new URL(`#message/${subject.seq}`, location.href).href, "link", anchor);
    },
  });

  async function copy(words, what, anchor) {
    const isCopied = await navigator.clipboard?.writeText(words).then(
      () => true,
      () => false,
    );
    say(word(isCopied || copyBySelection(words, anchor) ? what : "failed"));
  }

  /** Copies without the Clipboard API, which pages without HTTPS don't have. */
  function copyBySelection(words, anchor) {
    const field = document.createElement("textarea");
    field.value = words;
    root.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    anchor?.focus();
    return isCopied;
  }

  function say(message) {
    clearTimeout(timer);
    setText(text, message);
    root.classList.add("is-shown");
    timer = setTimeout(hide, SHOWN_MS);
  }

  function hide() {
    clearTimeout(timer);
    setText(text, "");
    root.classList.remove("is-shown");
  }

  return function unmount() {
    end();
    hide();
  };
}
