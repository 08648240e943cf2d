/**
 * Quotes of replied-to messages, in one line: from loaded messages, or requested from the server in batches.
 *
 * The text is stored only in the original message. So edits and deletions show in its quotes.
 */
import {
  CHANGES_ARRIVED,
  MESSAGE_ARRIVED,
  MESSAGE_FILLED,
  PAGE_ARRIVED,
  QUOTE_CHANGED,
  ROOM_WELCOMED,
  WANT_QUOTE,
  request,
  subscribeAll,
} from "../app/events.js";
import { setText, slot } from "../kit/dom.js";
import { excerptOf } from "../kit/excerpt.js";
import { readWords } from "../kit/words.js";

const GATHER_MS = 50; // A page of replies makes one request.
const RETRY_MS = 8_000;
const MOST_ASKED = 100; // The protocol's limit.
const MOST_KNOWN = 6_000; // Beyond it, messages that aren't quoted are dropped.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { word } = readWords(root);
  const known = new Map(); // seq -> message
  const wanted = new Set(); // seqs
  const missing = new Set(); // seqs without a message
  let callOff = null; // Cancels the pending request.
  let timer = null;

  const unsubscribe = subscribeAll(events, {
    [MESSAGE_FILLED]({ item, message }) {
      const quote = slot(item, "quote");
      quote.hidden = !message.reply_to || Boolean(message.deleted);
      if (quote.hidden) return;
      item.dataset.quotes = String(message.reply_to);
      want(message.reply_to);
      fill(quote, message.reply_to);
    },
    [WANT_QUOTE]({ seq }) {
      want(seq);
      publish(seq);
    },
    [ROOM_WELCOMED]({ reset, messages }) {
      if (reset) forget();
      take(messages);
      later();
    },
    [MESSAGE_ARRIVED]: (message) => take([message]),
    [CHANGES_ARRIVED]({ reset, messages }) {
      if (reset) forget();
      take(messages);
    },
    [PAGE_ARRIVED]: ({ messages }) => take(messages),
  });

  function want(seq) {
    if (wanted.has(seq)) return;
    wanted.add(seq);
    if (!known.has(seq)) later();
  }

  function take(messages) {
    for (const message of messages) {
      if (known.get(message.seq)?.version >= message.version) continue;
      known.set(message.seq, message);
      missing.delete(message.seq);
      if (wanted.has(message.seq)) show(message.seq);
    }
    if (known.size > MOST_KNOWN) letGo();
  }

  /** Keeps the messages that are quoted on the page, and the newer half of the others. */
  function letGo() {
    const quoted = new Set([...document.querySelectorAll("[data-quotes]")].map((item) => Number(item.getAttribute("data-quotes"))));
    for (const seq of wanted) if (!quoted.has(seq)) wanted.delete(seq);
    for (const seq of missing) if (!quoted.has(seq)) missing.delete(seq);
    for (const seq of [...known.keys()].slice(0, MOST_KNOWN / 2)) if (!wanted.has(seq)) known.delete(seq);
  }

  /** Single changes were missed: request the shown messages again. */
  function forget() {
    known.clear();
    missing.clear();
    end();
    later();
  }

  function later(wait = GATHER_MS) {
    clearTimeout(timer);
    timer = setTimeout(ask, wait);
  }

  function ask() {
    const seqs = [...wanted].filter((seq) => !known.has(seq) && !missing.has(seq)).slice(0, MOST_ASKED);
    if (callOff || !seqs.length) return;
    callOff = request(events, { type: "history", seqs, limit: seqs.length }, (answer) => {
      end();
      if (answer.type === "page") {
        if (!answer.more) miss(seqs); // Otherwise some didn't fit into the answer.
        later();
      } else if (answer.type === "refused" && answer.code !== "offline") later(RETRY_MS); // When offline, the next welcome retries.
    });
  }

  /** Marks messages that the answer lacks as missing. */
  function miss(seqs) {
    for (const seq of seqs) {
      if (known.has(seq)) continue;
      missing.add(seq);
      show(seq);
    }
  }

  function end() {
    callOff?.();
    callOff = null;
  }

  function show(seq) {
    for (const item of document.querySelectorAll(`[data-quotes="${seq}"]`)) fill(slot(item, "quote"), seq);
    publish(seq);
  }

  function fill(quote, seq) {
    const { author, isBot, text } = read(seq);
    quote.href = `#message/${seq}`;
    setText(slot(quote, "quote-author"), author);
    slot(quote, "quote-bot").hidden = !isBot;
    setText(slot(quote, "quote-text"), text);
  }

  function publish(seq) {
    events.publish(QUOTE_CHANGED, { seq, ...read(seq) });
  }

  function read(seq) {
    const message = known.get(seq);
    if (!message) return { author: "", isBot: false, text: missing.has(seq) ? word("missing") : "…" };
    const { name, bot = false } = message.author;
    return { author: name, isBot: bot, text: message.deleted ? word("deleted") : excerptOf(message) };
  }

  return function unmount() {
    unsubscribe();
    end();
    clearTimeout(timer);
  };
}
