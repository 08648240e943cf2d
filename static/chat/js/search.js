/** Search in the room: a panel with the words, whose, and when; what is found leads to its place. */
import {
  COMMAND_REFUSED,
  CONNECTION_CHANGED,
  FOUND_ARRIVED,
  MEMBER_JOINED,
  MEMBER_RENAMED,
  ROOM_WELCOMED,
  SEND_COMMAND,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_RESET,
  subscribeAll,
} from "./events.js";
import { fromTemplate, listen, setText, slot } from "./lib/dom.js";
import { clock, dayName, dayStart, isoOf } from "./lib/time.js";
import { readWords } from "./lib/words.js";

const PAGE_SIZE = 20;
const ANSWER_MS = 10_000; // The server gives up sooner.
const NARROW = matchMedia("(max-width: 991.98px)"); // There the panel lies over the messages (layout.css).

export function mount({ events, root }) {
  const { word, plural, has } = readWords(root);
  const opener = slot(root, "open");
  const panel = slot(root, "panel");
  const form = slot(panel, "form");
  const { query, author, from, to } = form.elements;
  const list = slot(panel, "results");
  const more = slot(panel, "more");
  const names = new Map();
  let asked = null; // The command that is on its way.
  let last = null; // The one that `list` answers.
  let timer = null;
  let before = opener; // What had the focus when the panel was opened.

  const ends = [
    subscribeAll(events, {
      [FOUND_ARRIVED]: show,
      [COMMAND_REFUSED]({ code, nonce, seq }) {
        if (asked && !nonce && seq === undefined) fail(has(`refused-${code}`) ? `refused-${code}` : "refused");
      },
      [CONNECTION_CHANGED]: () => asked && fail("refused"),
      [ROOM_WELCOMED]: ({ members }) => learn(members, true),
      [MEMBER_JOINED]: ({ member }) => learn([member], true),
      [MEMBER_RENAMED]: ({ member }) => learn([member], true),
      [TIMELINE_RESET]: ({ messages }) => learn(messages.map((message) => message.author)),
      [TIMELINE_EXTENDED]: ({ messages }) => learn(messages.map((message) => message.author)),
      [TIMELINE_CHANGED]: ({ added }) => learn(added.map((message) => message.author)),
    }),
    listen(opener, "click", () => (panel.hidden ? open(opener) : close())),
    listen(slot(panel, "close"), "click", close),
    listen(document, "keydown", (event) => {
      if (event.key.toLowerCase() !== "f" || !event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      open(document.activeElement);
    }),
    listen(panel, "keydown", (event) => {
      if (event.isComposing) return; // The key is that of the list of Chinese or Japanese characters to choose from.
      if (event.key === "Escape") close();
      if (event.key === "ArrowDown" || event.key === "ArrowUp") step(event);
    }),
    listen(form, "submit", (event) => {
      event.preventDefault();
      ask();
    }),
    ...[author, from, to].map((field) => listen(field, "change", () => query.value.trim() && ask())),
    listen(more, "click", () => ask(last)),
    listen(list, "click", ({ target }) => target.closest("a") && NARROW.matches && close()),
  ];

  function open(from) {
    if (!panel.contains(from)) before = from;
    panel.hidden = false;
    opener.setAttribute("aria-expanded", "true");
    query.focus();
    query.select();
  }

  function close() {
    if (panel.contains(document.activeElement)) (before.isConnected && before !== document.body ? before : opener).focus();
    panel.hidden = true;
    opener.setAttribute("aria-expanded", "false");
  }

  /** Present members say their name of today; authors of old messages only fill the gaps. */
  function learn(people, isToday = false) {
    for (const { id, name } of people) {
      if (names.has(id) && !isToday) continue;
      names.set(id, name);
      const known = [...author.options].find((option) => option.value === id);
      if (known) setText(known, name);
      else author.append(new Option(name, id));
    }
  }

  /** Asks for what the form says, or for the page after `previous`. */
  function ask(previous = null) {
    const command = previous ? { ...previous.command, before: previous.end } : { ...wanted(), limit: PAGE_SIZE };
    if (!command.query) return fail("refused-query_empty");
    stop();
    asked = command;
    timer = setTimeout(() => fail("refused"), ANSWER_MS);
    panel.setAttribute("aria-busy", "true");
    say(word("searching"));
    events.publish(SEND_COMMAND, { command: { type: "search", ...command } });
  }

  function wanted() {
    const until = to.value && dayStart(to.value, 1);
    return {
      query: query.value.trim(),
      ...(author.value && { author: author.value }),
      ...(from.value && { at_from: dayStart(from.value) }),
      ...(until && { at_before: until }),
    };
  }

  function show(found) {
    if (!asked || !["query", "author", "at_from", "at_before", "before"].every((key) => found[key] === asked[key])) return;
    const command = asked;
    stop();
    if (!command.before) list.replaceChildren();
    const first = list.children.length;
    list.append(...found.results.map(item));
    last = found.results.length ? { command, end: found.results.at(-1).seq } : last;
    more.hidden = !found.more;
    if (first) list.children[first]?.querySelector("a").focus();
    const count = list.children.length;
    say(count ? plural(found.more ? "found-more" : "found", count) : word("nothing"));
  }

  function item(result) {
    const made = fromTemplate(root, "result");
    made.firstElementChild.href = `#message/${result.seq}`;
    setText(slot(made, "name"), result.author.name);
    const time = slot(made, "time");
    time.dateTime = isoOf(result.at);
    setText(time, `${dayName(result.at)}, ${clock(result.at)}`);
    slot(made, "excerpt").append(...result.excerpt.map(([text, isMatch]) => (isMatch ? mark(text) : text)));
    return made;
  }

  function mark(text) {
    const element = document.createElement("mark");
    element.textContent = text;
    return element;
  }

  /** From the field down the results and back up. */
  function step(event) {
    const stops = [query, ...list.querySelectorAll("a")];
    const at = stops.indexOf(document.activeElement);
    const next = stops[at + (event.key === "ArrowDown" ? 1 : -1)];
    if (at < 0 || !next) return; // In another field the key is that field's.
    event.preventDefault();
    next.focus();
  }

  function fail(key) {
    stop();
    say(word(key));
  }

  function stop() {
    clearTimeout(timer);
    asked = null;
    panel.removeAttribute("aria-busy");
  }

  function say(text) {
    setText(slot(panel, "status"), text);
  }

  return function unmount() {
    clearTimeout(timer);
    ends.forEach((end) => end());
    list.replaceChildren();
  };
}
