/**
 * Suggests names after `@`, also of people who were in the room and have left, and emoji after `:`. Arrow keys choose, Enter and Tab insert,
 * Escape closes.
 */
import {
  MEMBER_JOINED,
  MEMBER_LEFT,
  MEMBER_RENAMED,
  NAMESAKES_CHANGED,
  ROOM_WELCOMED,
  SESSION_CHANGED,
  request,
  subscribeAll,
} from "../app/events.js";
import { complete, isName } from "./completion.js";
import { fromTemplate, isComposing, listen, setText, slot } from "../kit/dom.js";
import { now } from "../kit/elapsed.js";
import { SUGGESTIONS, takeEscape } from "../kit/key-stack.js";
import { paintAvatar, tagOf } from "../kit/names.js";
import { readWords } from "../kit/words.js";
import { personChosen } from "./signals.js";

const FRESH_MS = 60_000; // So old is the list of those who have left, at most.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { plural } = readWords(root);
  const field = root.querySelector("textarea");
  const list = slot(root, "options");
  const people = new Map(); // id -> member
  let gone = []; // People who were here, the latest first.
  let askedAt = -Infinity;
  let callOff = () => {};
  let me = null;
  let namesakes = new Map();
  let found = null;
  let chosen = 0;
  let dismissed = null; // The text before the caret when Escape was pressed.

  const put = (member) => people.set(member.id, member);

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [ROOM_WELCOMED](welcome) {
        people.clear();
        welcome.members.forEach(put);
      },
      [MEMBER_JOINED]: ({ member }) => put(member),
      [MEMBER_RENAMED]: ({ member }) => put(member),
      [MEMBER_LEFT]: ({ id }) => people.delete(id),
      [NAMESAKES_CHANGED]: ({ numbers }) => (namesakes = numbers),
    }),
    listen(field, "input", look),
    listen(field, "click", look),
    listen(field, "blur", close),
    // In the capture phase: while the list is open, Enter inserts the selected option, and the composer doesn't get the key.
    listen(root, "keydown", takeKey, { capture: true }),
    takeEscape(SUGGESTIONS, dismiss),
    listen(list, "pointerdown", (event) => event.preventDefault()), // The field keeps the focus, and its keyboard.
    listen(list, "click", ({ target }) => {
      const index = [...list.children].indexOf(target.closest("[role=option]"));
      if (index >= 0) take(index);
    }),
  ];

  function look() {
    const before = field.value.slice(0, field.selectionStart);
    if (field.selectionStart !== field.selectionEnd || before === dismissed) return close();
    dismissed = null;
    if (isName(before)) askForGone();
    found = complete(before, known());
    if (!found) return close();
    list.replaceChildren(...found.options.map(draw));
    list.hidden = false;
    field.setAttribute("aria-controls", list.id);
    setText(slot(root, "count"), plural("found", found.options.length));
    choose(0);
  }

  function known() {
    const absent = gone.filter(({ id }) => !people.has(id)).map((person) => ({ ...person, isGone: true }));
    return [...people.values(), ...absent].filter(({ id }) => id !== me);
  }

  function askForGone() {
    if (now() - askedAt < FRESH_MS) return;
    askedAt = now();
    callOff = request(events, { type: "people" }, (answer) => {
      if (answer.type !== "people") return;
      gone = answer.people;
      if (document.activeElement === field) look();
    });
  }

  function draw({ label, note, person }, index) {
    const option = fromTemplate(root, "option");
    option.id = `${list.id}-${index}`;
    const mark = slot(option, "mark");
    if (person) paintAvatar(mark, person);
    else mark.classList.replace("avatar", "suggest-emoji");
    if (!person) setText(mark, label);
    setText(slot(option, "label"), person ? label : note);
    slot(option, "gone").hidden = !person?.isGone;
    setText(slot(option, "tag"), person ? tagOf(namesakes, person.id, person.name) : "");
    return option;
  }

  function choose(index) {
    chosen = (index + list.children.length) % list.children.length;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
    list.children[chosen].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", list.children[chosen].id);
  }

  function takeKey(event) {
    if (!found || isComposing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) take(chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function dismiss({ target }) {
    if (!found || target !== field) return false;
    dismissed = field.value.slice(0, field.selectionStart);
    close();
    return true;
  }

  function take(index) {
    const { start, options } = found;
    close();
    if (options[index].person) personChosen.emit(options[index].person);
    field.setRangeText(options[index].text, start, field.selectionStart, "end");
    dismissed = field.value.slice(0, field.selectionStart);
    field.dispatchEvent(new Event("input", { bubbles: true })); // For other listeners of the field.
  }

  function close() {
    found = null;
    list.hidden = true;
    list.replaceChildren();
    field.removeAttribute("aria-activedescendant");
    field.removeAttribute("aria-controls");
    setText(slot(root, "count"), "");
  }

  return function unmount() {
    ends.forEach((end) => end());
    callOff();
    close();
  };
}
