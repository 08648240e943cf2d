/** The emoji picker, for reactions and for the composer: frequently used emoji first, all others by search. Arrow keys move between them. */
import { MENU_CHOSEN, subscribeAll } from "../app/events.js";
import { fromTemplate, isComposing, listen, setText, slot } from "../kit/dom.js";
import { findEmoji, readNames } from "./emoji-search.js";
import { placeBeside } from "../kit/popover.js";
import { SHORTCODES } from "../kit/shortcodes.js";
import { openStore } from "../kit/store.js";
import { readWords } from "../kit/words.js";

const USUAL = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"]; // The frequently used ones at first.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const store = openStore("localStorage");
  const { plural } = readWords(root);
  const names = readNames(slot(root, "names").content.textContent);
  const search = slot(root, "search");
  const usual = slot(root, "usual");
  const grid = slot(root, "grid");
  let opened = null; // The menu choice that opened it.

  const ends = [
    subscribeAll(events, {
      [MENU_CHOSEN](chosen) {
        const asks = { message: "react", text: "emoji" }[chosen.kind];
        if (chosen.entry === asks && !chosen.value) open(chosen);
      },
    }),
    listen(search, "input", () => show(search.value)),
    listen(root, "keydown", move),
    listen(root, "click", ({ target }) => choose(target.closest("[data-emoji]"))),
    listen(root, "toggle", ({ newState }) => newState === "closed" && forget()),
    listen(window, "resize", place), // A phone's keyboard opens or closes.
  ];

  function open(chosen) {
    close();
    opened = chosen;
    search.value = "";
    usual.replaceChildren(...latest().map((emoji) => option(SHORTCODES.find((code) => code.emoji === emoji) ?? { emoji })));
    show("");
    chosen.anchor.setAttribute("aria-expanded", "true");
    root.showPopover();
    place();
    // On a touch screen the keyboard would cover the emoji.
    (matchMedia("(hover: hover)").matches ? search : usual.firstElementChild).focus({ preventScroll: true });
  }

  function place() {
    if (opened) placeBeside(root, opened.anchor.getBoundingClientRect());
  }

  function latest() {
    return [...new Set([...(store.get("reactions") ?? []), ...USUAL])].slice(0, USUAL.length);
  }

  function show(written) {
    const found = findEmoji(written, names);
    const isSearch = written.trim() !== "";
    grid.replaceChildren(...found.map(option));
    grid.scrollTop = 0;
    usual.hidden = isSearch;
    slot(root, "none").hidden = found.length > 0;
    setText(slot(root, "count"), isSearch ? plural("found", found.length) : "");
  }

  /** @param {{emoji: string, name?: string}} chosen */
  function option({ name, emoji }) {
    const button = fromTemplate(root, "option");
    button.dataset.emoji = emoji;
    const [label] = names.get(emoji) ?? [emoji];
    button.title = name ? `${label} :${name}:` : label;
    button.setAttribute("aria-label", label);
    setText(button, emoji);
    return button;
  }

  function move(event) {
    const options = [...root.querySelectorAll("[data-emoji]")].filter((button) => button.offsetParent);
    const at = options.indexOf(document.activeElement);
    const inField = document.activeElement === search;
    if (isComposing(event)) return; // The key belongs to the input method.
    if (inField && event.key === "Enter") {
      event.preventDefault();
      return choose(search.value.trim() ? options[0] : null);
    }
    const isRtl = document.documentElement.dir === "rtl";
    const step = { ArrowRight: isRtl ? -1 : 1, ArrowLeft: isRtl ? 1 : -1 }[event.key];
    const row = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (inField ? row !== 1 : !step && !row) return;
    event.preventDefault();
    const to = inField ? options[0] : step ? options[at + step] : beside(options, at, row);
    (to ?? (row === -1 ? search : null))?.focus();
  }

  /** The nearest emoji in the next row (`row` 1) or the previous one (-1). */
  function beside(options, at, row) {
    const from = options[at].getBoundingClientRect();
    const rects = options.map((option) => option.getBoundingClientRect());
    const lines = rects.filter(({ top }) => (top - from.top) * row > 4).map(({ top }) => top);
    const line = row > 0 ? Math.min(...lines) : Math.max(...lines);
    const inLine = options.filter((_, index) => Math.abs(rects[index].top - line) < 4);
    const distance = (option) => Math.abs(option.getBoundingClientRect().left - from.left);
    return inLine.sort((one, other) => distance(one) - distance(other))[0];
  }

  function choose(button) {
    if (!button || !opened) return;
    const { emoji } = button.dataset;
    const chosen = { ...opened, value: emoji };
    store.set("reactions", [...new Set([emoji, ...latest()])].slice(0, USUAL.length));
    close();
    chosen.anchor.focus({ preventScroll: true });
    events.publish(MENU_CHOSEN, chosen);
  }

  function close() {
    if (root.matches(":popover-open")) root.hidePopover();
    forget();
  }

  function forget() {
    opened?.anchor.setAttribute("aria-expanded", "false");
    opened = null;
  }

  return function unmount() {
    close();
    ends.forEach((end) => end());
  };
}
