/** The reactions of a message: emoji, count, and whether the reader's is among them. On hover or focus they show who reacted. */
import { AMEND_MESSAGE, MENU_CHOSEN, MESSAGE_FILLED, NAMES_CHANGED, SESSION_CHANGED, subscribeAll } from "../app/events.js";
import { hasReacted } from "../kit/pending-changes.js";
import { fromTemplate, listen, setText, slot } from "../kit/dom.js";
import { HINT, takeEscape } from "../kit/key-stack.js";
import { formatNumber, readWords } from "../kit/words.js";

const NAMED = 8; // Names that are shown. The others are counted.
const PRESS_MS = 450; // A long press shows who reacted.
const GAP = 6; // Pixels between a chip and its hint.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const hint = slot(root, "who");
  let names = new Map(); // id -> name
  const members = new WeakMap(); // chip -> ids
  let me = null;
  let shown = null; // The chip whose hint is shown.
  let pressTimer = null;
  let wasLong = false;

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [NAMES_CHANGED]: (known) => (names = known.names),
      [MESSAGE_FILLED]: ({ item, message }) => draw(item, message),
      [MENU_CHOSEN]({ entry, value, kind, subject }) {
        if (kind !== "message" || entry !== "react" || !value || wasLong) return;
        events.publish(AMEND_MESSAGE, { type: "react", seq: subject.seq, emoji: value, on: !hasReacted(subject, value, me) });
      },
    }),
    listen(document, "pointerover", ({ target, pointerType }) => pointerType !== "touch" && showReactors(chipOf(target))),
    listen(document, "focusin", ({ target }) => showReactors(target.matches(":focus-visible") ? chipOf(target) : null)),
    takeEscape(HINT, () => {
      const wasShown = shown !== null;
      if (wasShown) showReactors(null);
      return wasShown;
    }),
    listen(document, "scroll", () => showReactors(null), { capture: true }),
    listen(document, "pointerdown", press),
    listen(document, "pointerup", () => clearTimeout(pressTimer)),
    listen(document, "pointercancel", () => clearTimeout(pressTimer)),
  ];

  /** Updates the chips. Existing ones are kept, because one may have the focus. */
  function draw(item, { reactions = {} }) {
    const box = slot(item, "reactions");
    if (!box || (box.hidden && !Object.keys(reactions).length)) return;
    const chips = new Map([...box.querySelectorAll("[data-value]")].map((chip) => [chip.dataset.value, chip]));
    for (const [emoji, chip] of chips) if (!reactions[emoji]) remove(chip, item);
    for (const [emoji, ids] of Object.entries(reactions)) {
      const chip = chips.get(emoji) ?? fromTemplate(root, "reaction");
      chip.dataset.value = emoji;
      members.set(chip, ids);
      setText(slot(chip, "emoji"), emoji);
      setText(slot(chip, "count"), formatNumber(ids.length));
      setText(slot(chip, "name"), plural("count", ids.length, { emoji }));
      chip.setAttribute("aria-pressed", String(ids.includes(me)));
      if (!chips.has(emoji)) box.insertBefore(chip, slot(box, "add"));
      if (chip === shown) showReactors(chip);
    }
    box.hidden = !Object.keys(reactions).length;
  }

  function remove(chip, item) {
    const hadFocus = chip === document.activeElement;
    if (chip === shown) showReactors(null);
    chip.remove();
    if (hadFocus) slot(item, "menu").focus({ preventScroll: true });
  }

  function chipOf(target) {
    return target.closest?.(".reaction[data-value]") ?? null;
  }

  function press({ target, pointerType }) {
    wasLong = false;
    const chip = chipOf(target);
    if (!chip || pointerType === "touch") showReactors(null);
    if (!chip || pointerType !== "touch") return;
    clearTimeout(pressTimer);
    pressTimer = setTimeout(() => {
      wasLong = true; // The following click must not react.
      showReactors(chip);
    }, PRESS_MS);
  }

  /** Shows above the chip who reacted. */
  function showReactors(chip) {
    if (shown && shown !== chip) shown.removeAttribute("aria-describedby");
    shown = chip;
    if (!chip) return hint.hidePopover();
    setText(hint, word("who", { names: listOf(members.get(chip)), emoji: chip.dataset.value }));
    chip.setAttribute("aria-describedby", hint.id);
    if (!hint.matches(":popover-open")) hint.showPopover();
    const { left, right, top } = chip.getBoundingClientRect();
    const box = hint.getBoundingClientRect();
    const start = document.documentElement.dir === "rtl" ? right - box.width : left;
    hint.style.left = `${Math.max(GAP, Math.min(start, innerWidth - box.width - GAP))}px`;
    hint.style.top = `${Math.max(GAP, top - box.height - GAP)}px`;
  }

  function listOf(ids) {
    const known = ids.filter((id) => id === me || names.has(id)).sort((one, other) => Number(other === me) - Number(one === me));
    const named = known.slice(0, NAMED).map((id) => (id === me ? word("you") : `\u2068${names.get(id)}\u2069`));
    const others = ids.length - named.length;
    if (others) named.push(named.length ? plural("others", others) : plural("people", others));
    return new Intl.ListFormat(document.documentElement.lang || "en").format(named);
  }

  return function unmount() {
    clearTimeout(pressTimer);
    ends.forEach((end) => end());
  };
}
