/**
 * What others answer to, in one line: looked up among what the server has said, or asked for, many at once.
 *
 * The words live in their own message only. So whatever becomes of that, its quotes show it.
 */
import {
  CHANGES_ARRIVED,
  CONNECTION_CHANGED,
  MESSAGE_ARRIVED,
  MESSAGE_FILLED,
  PAGE_ARRIVED,
  QUOTE_CHANGED,
  ROOM_WELCOMED,
  SEND_COMMAND,
  WANT_QUOTE,
  subscribeAll,
} from "./events.js";
import { setText, slot } from "./lib/dom.js";
import { excerptOf } from "./lib/excerpt.js";
import { readWords } from "./lib/words.js";

const GATHER_MS = 50; // A page of answers asks once.
const ANSWER_MS = 8_000; // An answer that takes longer isn't coming.
const MOST_ASKED = 100; // The protocol's limit.
const MOST_KNOWN = 6_000; // What nobody answers to is let go of beyond this.

export function mount({ events, root }) {
  const { word } = readWords(root);
  const known = new Map(); // seq -> message
  const wanted = new Set(); // seqs
  const missing = new Set(); // seqs that no message has
  let asked = []; // The seqs that are on their way.
  let isJoined = false;
  let timer = null;

  const end = subscribeAll(events, {
    [MESSAGE_FILLED]({ item, message }) {
      const quote = slot(item, "quote");
      quote.hidden = !message.reply_to || Boolean(message.deleted);
      if (quote.hidden) return;
      item.dataset.quotes = message.reply_to;
      want(message.reply_to);
      fill(quote, message.reply_to);
    },
    [WANT_QUOTE]({ seq }) {
      want(seq);
      tell(seq);
    },
    [ROOM_WELCOMED]({ reset, messages }) {
      isJoined = true;
      if (reset) forget();
      take(messages);
      later();
    },
    [MESSAGE_ARRIVED]: (message) => take([message]),
    [CHANGES_ARRIVED]({ reset, messages }) {
      if (reset) forget();
      take(messages);
    },
    [PAGE_ARRIVED]({ messages, seqs, more }) {
      take(messages);
      if (!seqs) return;
      asked = [];
      // With `more`, some didn't fit into the answer.
      for (const seq of more ? [] : seqs) {
        if (known.has(seq)) continue;
        missing.add(seq);
        show(seq);
      }
      later();
    },
    [CONNECTION_CHANGED]({ state }) {
      if (state === "joined") return; // The welcome follows.
      isJoined = false;
      asked = [];
    },
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
    for (const seq of known.size > MOST_KNOWN ? [...known.keys()].slice(0, MOST_KNOWN / 2) : []) {
      if (!wanted.has(seq)) known.delete(seq);
    }
  }

  /** Whatever changed meanwhile wasn't told one by one: what is shown is asked for anew. */
  function forget() {
    known.clear();
    missing.clear();
    asked = [];
    later();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(ask, GATHER_MS);
  }

  function ask() {
    const seqs = [...wanted].filter((seq) => !known.has(seq) && !missing.has(seq)).slice(0, MOST_ASKED);
    if (!isJoined || asked.length || !seqs.length) return;
    asked = seqs;
    timer = setTimeout(askAgain, ANSWER_MS);
    events.publish(SEND_COMMAND, { command: { type: "history", seqs, limit: seqs.length } });
  }

  function askAgain() {
    asked = [];
    ask();
  }

  function show(seq) {
    for (const item of document.querySelectorAll(`[data-quotes="${seq}"]`)) fill(slot(item, "quote"), seq);
    tell(seq);
  }

  function fill(quote, seq) {
    const { author, text } = read(seq);
    quote.href = `#message/${seq}`;
    setText(slot(quote, "quote-author"), author);
    setText(slot(quote, "quote-text"), text);
  }

  function tell(seq) {
    events.publish(QUOTE_CHANGED, { seq, ...read(seq) });
  }

  function read(seq) {
    const message = known.get(seq);
    if (!message) return { author: "", text: missing.has(seq) ? word("missing") : "…" };
    return { author: message.author.name, text: message.deleted ? word("deleted") : excerptOf(message) };
  }

  return function unmount() {
    end();
    clearTimeout(timer);
  };
}
