/** The search panel: words, author and dates. A result goes to its message. */
import {
  MEMBER_JOINED,
  MEMBER_RENAMED,
  NAMESAKES_CHANGED,
  ROOM_WELCOMED,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_RESET,
  request,
  subscribeAll,
} from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { FoundList } from "./result-list.js";
import { PANEL, takeEscape } from "../kit/key-stack.js";
import { isCommand } from "../kit/keys.js";
import { tagOf } from "../kit/names.js";
import { dayStart } from "../kit/time.js";
import { readWords } from "../kit/words.js";

const PAGE_SIZE = 20;
const MOST_OFFERED = 2_000; // Authors to choose from.
const NARROW = matchMedia("(max-width: 991.98px)"); // Then the panel covers the messages (layout.css).

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural, has } = readWords(root);
  const opener = slot(root, "open");
  const panel = slot(root, "panel");
  const form = slot(panel, "form");
  const { query, author, from, to } = form.elements;
  const list = slot(panel, "results");
  const more = slot(panel, "more");
  const names = new Map();
  const options = new Map(); // By the member's id.
  const found = new FoundList(root, list);
  let callOff = () => {}; // Cancels the pending search.
  let last = null; // The command whose results are shown.
  let namesakes = new Map();
  let before = opener; // The element that had the focus before the panel opened.

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: ({ members }) => learn(members, true),
      [MEMBER_JOINED]: ({ member }) => learn([member], true),
      [MEMBER_RENAMED]: ({ member }) => learn([member], true),
      [TIMELINE_RESET]: ({ messages }) => learn(messages.map((message) => message.author)),
      [TIMELINE_EXTENDED]: ({ messages }) => learn(messages.map((message) => message.author)),
      [TIMELINE_CHANGED]: ({ added }) => learn(added.map((message) => message.author)),
      [NAMESAKES_CHANGED](changed) {
        namesakes = changed.numbers;
        for (const id of options.keys()) label(id);
      },
    }),
    listen(opener, "click", () => (panel.hidden ? open(opener) : close())),
    listen(slot(panel, "close"), "click", close),
    listen(document, "keydown", (event) => {
      if (event.key.toLowerCase() !== "f" || !event.shiftKey || event.altKey || !isCommand(event)) return;
      event.preventDefault();
      open(document.activeElement);
    }),
    listen(panel, "keydown", (event) => {
      if (event.isComposing) return; // The key belongs to the input method.
      if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event);
    }),
    takeEscape(PANEL, ({ target }) => {
      if (panel.contains(target)) close(); // Instead of emptying the field, as browsers do.
      return panel.contains(target);
    }),
    listen(form, "submit", (event) => {
      event.preventDefault();
      ask();
    }),
    ...[author, from, to].map((field) => listen(field, "change", () => query.value.trim() && ask())),
    listen(more, "click", () => search({ ...last, before: found.end })),
    listen(list, "click", ({ target }) => target.closest("a") && lead(target.closest("a"))),
  ];

  function open(from) {
    if (!panel.contains(from)) before = from;
    const isBack = panel.hidden && last !== null && isSame(wanted(), last);
    panel.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    if (isBack) send(last, true); // Messages may have come or changed meanwhile.
    const visited = list.querySelector("[aria-current]");
    if (isBack && visited && NARROW.matches) return visited.focus(); // Not the field, whose keyboard would cover the results.
    query.focus();
    query.select();
  }

  function close() {
    if (panel.contains(document.activeElement)) (before.isConnected && before !== document.body ? before : opener).focus();
    panel.hidden = true;
    opener.setAttribute("aria-expanded", "false");
  }

  function lead(link) {
    list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    if (NARROW.matches) close();
  }

  /** Present members have their current name. Authors of old messages only fill gaps. */
  function learn(people, isToday = false) {
    for (const { id, name } of people) {
      if (names.has(id) && !isToday) continue;
      names.set(id, name);
      if (!options.has(id)) options.set(id, author.appendChild(new Option("", id)));
      label(id);
    }
    for (const id of options.size > MOST_OFFERED ? [...options.keys()].slice(0, MOST_OFFERED / 2) : []) withdraw(id);
  }

  function withdraw(id) {
    if (author.value === id) return;
    options.get(id).remove();
    options.delete(id);
    names.delete(id);
  }

  function label(id) {
    const name = names.get(id);
    const tag = tagOf(namesakes, id, name);
    // An option can't contain elements, so control characters isolate the name's direction from the rest.
    setText(options.get(id), tag ? `\u2068${name}\u2069 ${tag}` : name);
  }

  /** Sends the form's search. */
  function ask() {
    const command = wanted();
    if (command.query) return search(command);
    stop();
    fail("query_empty", command);
  }

  function search(command) {
    send(command);
    panel.setAttribute("aria-busy", "true");
    say(word("searching"));
  }

  /** Sends a search. `isAgain`: the panel shows older results of it. */
  function send(command, isAgain = false) {
    stop();
    callOff = request(events, { type: "search", ...command }, (answer) => {
      stop();
      if (answer.type === "found") show(answer, command, isAgain);
      else if (answer.type === "refused" && !isAgain) fail(answer.code, command); // Otherwise the shown results stay.
    });
  }

  function wanted() {
    const until = to.value && dayStart(to.value, 1);
    return {
      limit: PAGE_SIZE,
      query: query.value.trim(),
      ...(author.value && { author: author.value }),
      ...(from.value && { at_from: dayStart(from.value) }),
      ...(until && { at_before: until }),
    };
  }

  function show(answer, command, isAgain) {
    learn(answer.results.map((result) => result.author)); // Adds authors who have left to the options.
    if (isAgain) more.hidden = !found.renew(answer.results, answer.more, !more.hidden);
    else add(answer, command);
    const key = more.hidden ? "found" : "found-more";
    say(found.size ? plural(key, found.size) : word("nothing"));
  }

  function add({ results, more: isMore }, command) {
    const first = command.before ? found.size : 0;
    if (!first) found.clear();
    found.append(results);
    more.hidden = !isMore;
    if (first) list.children[first]?.querySelector("a").focus();
    else last = command;
  }

  /** Moves the focus from the field through the results and back. */
  function step(event) {
    const stops = [query, ...list.querySelectorAll("a")];
    const at = stops.indexOf(document.activeElement);
    const next = stops[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (at < 0 || !next) return; // In another field the key belongs to that field.
    event.preventDefault();
    next.focus();
  }

  function fail(code, { before: isMore }) {
    if (!isMore) forget();
    say(word(has(`refused-${code}`) ? `refused-${code}` : "refused"));
  }

  /** Clears results that don't belong to the current search. */
  function forget() {
    found.clear();
    more.hidden = true;
    last = null;
  }

  function stop() {
    callOff();
    panel.removeAttribute("aria-busy");
  }

  function say(text) {
    setText(slot(panel, "status"), text);
  }

  return function unmount() {
    callOff();
    ends.forEach((end) => end());
    list.replaceChildren();
  };
}

/** Whether two commands or answers have the same search. */
function isSame(one, other) {
  return ["query", "author", "at_from", "at_before", "before"].every((key) => one[key] === other[key]);
}
