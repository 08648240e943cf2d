/** The search panel: words, rooms, kind, author and dates. A result goes to its message, also in another room. */
import {
  MEMBER_JOINED,
  MEMBER_RENAMED,
  NAMESAKES_CHANGED,
  ROOMS_CHANGED,
  ROOM_WELCOMED,
  SEARCH_EVERYWHERE,
  SESSION_CHANGED,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_RESET,
  request,
  subscribeAll,
} from "../app/events.js";
import { listen, setText, slot } from "../kit/dom.js";
import { AuthorOptions } from "./author-options.js";
import { keep, take } from "./kept-search.js";
import { FoundList } from "./result-list.js";
import { below, isEmpty, isSame } from "./search-command.js";
import { PANEL, takeEscape } from "../kit/key-stack.js";
import { isCommand } from "../kit/keys.js";
import { dayStart } from "../kit/time.js";
import { readWords } from "../kit/words.js";

const PAGE_SIZE = 20;
const MOST_ROOMS = 50; // The protocol's limit.
const FIELDS = ["query", "scope", "kind", "author", "from", "to"];
const NARROW = matchMedia("(max-width: 991.98px)"); // Then the panel covers the messages (layout.css).

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word, plural, has } = readWords(root);
  const opener = slot(root, "open");
  const panel = slot(root, "panel");
  const form = slot(panel, "form");
  const { query, scope, kind, author, from, to } = form.elements;
  const list = slot(panel, "results");
  const more = slot(panel, "more");
  const authors = new AuthorOptions(author, word("you"));
  const found = new FoundList(root, list);
  let callOff = () => {}; // Cancels the pending search.
  let last = null; // The command whose results are shown.
  let me = null;
  let rooms = []; // The addresses of the reader's rooms, this one included.
  let before = opener; // The element that had the focus before the panel opened.

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED](session) {
        me = session.id;
        if (me) authors.meet(me, session.name);
      },
      [ROOMS_CHANGED](changed) {
        const latest = [...changed.rooms].sort((one, other) => Number(other.isCurrent) - Number(one.isCurrent) || other.at - one.at);
        rooms = latest.slice(0, MOST_ROOMS).map(({ slug }) => slug).sort();
        found.name(new Map(changed.rooms.map(({ slug, title }) => [slug, title])));
      },
      [ROOM_WELCOMED]: ({ members }) => authors.learn(members, true),
      [MEMBER_JOINED]: ({ member }) => authors.learn([member], true),
      [MEMBER_RENAMED]: ({ member }) => authors.learn([member], true),
      [TIMELINE_RESET]: ({ messages }) => authors.learn(messages.map((message) => message.author)),
      [TIMELINE_EXTENDED]: ({ messages }) => authors.learn(messages.map((message) => message.author)),
      [TIMELINE_CHANGED]: ({ added }) => authors.learn(added.map((message) => message.author)),
      [SEARCH_EVERYWHERE](wanted) {
        form.reset();
        scope.value = "all";
        kind.value = wanted.kind;
        open(document.activeElement);
        ask();
      },
      [NAMESAKES_CHANGED]: ({ numbers }) => authors.number(numbers),
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
    ...[scope, kind, author, from, to].map((field) => listen(field, "change", () => (isEmpty(wanted()) ? forget() : ask()))),
    listen(more, "click", () => search({ ...last, ...below(found.all.at(-1)) })),
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
    found.visit(link);
    if (NARROW.matches) close();
  }

  /** Sends the form's search. */
  function ask() {
    const command = wanted();
    if (!isEmpty(command)) return search(command);
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
      ...(scope.value && { rooms }),
      ...(kind.value === "links" && { links: true }),
      ...(kind.value === "mentions" && me && { mentions: me }),
      ...(author.value && { author: author.value }),
      ...(from.value && { at_from: dayStart(from.value) }),
      ...(until && { at_before: until }),
    };
  }

  function show(answer, command, isAgain) {
    authors.learn(answer.results.map((result) => result.author)); // Adds authors who have left to the options.
    const results = answer.results.map((result) => ({ ...result, isMention: Boolean(command.mentions) }));
    if (isAgain) more.hidden = !found.renew(results, answer.more, !more.hidden);
    else add(results, answer.more, command);
    tell();
  }

  function tell() {
    const key = more.hidden ? "found" : "found-more";
    say(found.size ? plural(key, found.size) : word("nothing"));
  }

  function add(results, isMore, command) {
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
    say("");
  }

  /** A search of all rooms goes along to the next one. */
  function hand() {
    if (!last?.rooms) return;
    const fields = Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value]));
    const visited = list.querySelector("[aria-current]")?.href ?? null;
    keep({ fields, name: authors.nameOf(author.value), command: last, results: found.all, hasMore: !more.hidden, isOpen: !panel.hidden, visited });
  }

  function restore(kept) {
    if (kept.fields.author) authors.learn([{ id: kept.fields.author, name: kept.name }]);
    for (const name of FIELDS) form.elements[name].value = kept.fields[name];
    last = kept.command;
    found.append(kept.results);
    more.hidden = !kept.hasMore;
    tell();
    panel.hidden = !kept.isOpen;
    opener.setAttribute("aria-expanded", String(kept.isOpen));
    for (const link of list.querySelectorAll("a")) if (link.href === kept.visited) found.visit(link);
  }

  function stop() {
    callOff();
    panel.removeAttribute("aria-busy");
  }

  function say(text) {
    setText(slot(panel, "status"), text);
  }

  const kept = take();
  if (kept) restore(kept);

  return function unmount() {
    hand();
    callOff();
    ends.forEach((end) => end());
    list.replaceChildren();
  };
}
