/** The chips under a message: which emoji, how many, whether mine is among them; and, asked for, whose they are. */
import {
  AMEND_MESSAGE,
  CHANGES_ARRIVED,
  IDENTITY_READY,
  MEMBER_JOINED,
  MEMBER_RENAMED,
  MENU_CHOSEN,
  MESSAGE_ARRIVED,
  MESSAGE_FILLED,
  PAGE_ARRIVED,
  ROOM_WELCOMED,
  subscribeAll,
} from "./events.js";
import { hasReacted } from "./lib/amend.js";
import { fromTemplate, listen, setText, slot } from "./lib/dom.js";
import { formatNumber, readWords } from "./lib/words.js";

const NAMED = 8; // With more, the rest is counted.
const PRESS_MS = 450; // A finger that stays so long asks whose they are.
const GAP = 6; // Pixels between a chip and what is said of it.

export function mount({ events, root }) {
  const { word, plural } = readWords(root);
  const hint = slot(root, "who");
  const names = new Map(); // id -> the name by which it was seen last
  const members = new WeakMap(); // chip -> ids
  let me = null;
  let shown = null; // The chip that the hint is about.
  let pressTimer = null;
  let wasLong = false;

  const learn = (people) => people.forEach(({ id, name }) => names.set(id, name));
  const authors = (messages) => messages.map(({ author }) => author);

  const ends = [
    subscribeAll(events, {
      [IDENTITY_READY]: ({ uuid }) => (me = uuid),
      [ROOM_WELCOMED](welcome) {
        me = welcome.me.id;
        learn([...authors(welcome.messages), ...welcome.members]);
      },
      [MEMBER_JOINED]: ({ member }) => learn([member]),
      [MEMBER_RENAMED]: ({ member }) => learn([member]),
      [MESSAGE_ARRIVED]: (message) => learn(authors([message])),
      [CHANGES_ARRIVED]: ({ messages }) => learn(authors(messages)),
      [PAGE_ARRIVED]: ({ messages }) => learn(authors(messages).filter(({ id }) => !names.has(id))), // What is old was called so once.
      [MESSAGE_FILLED]: ({ item, message }) => draw(item, message),
      [MENU_CHOSEN]({ entry, value, kind, subject }) {
        if (kind !== "message" || entry !== "react" || !value || wasLong) return;
        events.publish(AMEND_MESSAGE, { type: "react", seq: subject.seq, emoji: value, on: !hasReacted(subject, value, me) });
      },
    }),
    listen(document, "pointerover", ({ target, pointerType }) => pointerType !== "touch" && tell(chipOf(target))),
    listen(document, "focusin", ({ target }) => tell(target.matches(":focus-visible") ? chipOf(target) : null)),
    listen(document, "keydown", (event) => {
      if (event.key !== "Escape" || !shown) return;
      event.preventDefault(); // It closes one thing at a time.
      tell(null);
    }),
    listen(document, "scroll", () => tell(null), { capture: true }),
    listen(document, "pointerdown", press),
    listen(document, "pointerup", () => clearTimeout(pressTimer)),
    listen(document, "pointercancel", () => clearTimeout(pressTimer)),
  ];

  /** Keeps the chips that are there: one of them may have the focus. */
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
      if (chip === shown) tell(chip);
    }
    box.hidden = !Object.keys(reactions).length;
  }

  function remove(chip, item) {
    const hadFocus = chip === document.activeElement;
    if (chip === shown) tell(null);
    chip.remove();
    if (hadFocus) slot(item, "menu").focus({ preventScroll: true });
  }

  function chipOf(target) {
    return target.closest?.(".reaction[data-value]") ?? null;
  }

  function press({ target, pointerType }) {
    wasLong = false;
    const chip = chipOf(target);
    if (!chip || pointerType === "touch") tell(null);
    if (!chip || pointerType !== "touch") return;
    clearTimeout(pressTimer);
    pressTimer = setTimeout(() => {
      wasLong = true; // The click that follows asked for this, not for a reaction.
      tell(chip);
    }, PRESS_MS);
  }

  /** Says whose they are, above the chip. */
  function tell(chip) {
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
    const known = ids.filter((id) => id === me || names.has(id)).sort((one, other) => (other === me) - (one === me));
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
