/**
 * What came while nobody looked at this tab: how many messages of others, and how many of them call the reader.
 *
 * It ends when somebody looks here, when the room was read in another tab, and where the reader has said something since.
 */
import {
  ATTENTION_CHANGED,
  MESSAGES_UNSEEN,
  ROOM_WELCOMED,
  TIMELINE_CHANGED,
  TIMELINE_MISSED,
  TIMELINE_RESET,
  subscribeAll,
} from "./events.js";
import { isLookedAt, watchLooks } from "./lib/looks.js";
import { openVisits } from "./lib/visits.js";

export function mount({ events, root }) {
  const { room } = root.dataset;
  const visits = openVisits();
  const unread = new Set(); // Of seqs.
  const calls = new Set(); // Those of them that call me.
  let told = "0 0";
  let me = null;
  let log = null;
  let newest = 0; // What lies above it has just come, over an outage as well.

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED](welcome) {
        me = welcome.me.id;
        if (welcome.log === log) return;
        log = welcome.log; // What the first welcome brings isn't news, nor is another history.
        newest = Math.max(0, ...welcome.messages.map(({ seq }) => seq));
        read(Infinity);
      },
      [TIMELINE_RESET]: ({ messages }) => take(messages.filter(({ seq }) => seq > newest)),
      [TIMELINE_MISSED]: ({ added }) => take(added),
      [TIMELINE_CHANGED]({ added, changed }) {
        changed.forEach(correct);
        take(added);
      },
    }),
    watchLooks((isLooked) => isLooked && read(Infinity)),
    visits.watch((slug) => {
      if (slug === room && visits.get(room)?.log === log) read(visits.get(room).seq);
    }),
  ];

  /** Takes news; with a filter what shows and what doesn't come apart, and may overlap. */
  function take(fresh) {
    if (!fresh.length || log === null) return tell();
    newest = Math.max(newest, ...fresh.map(({ seq }) => seq));
    if (isLookedAt()) return tell();
    const spoken = Math.max(0, ...fresh.filter(({ author }) => author.id === me).map(({ seq }) => seq));
    const unseen = fresh.filter(({ seq, author, deleted }) => seq > spoken && author.id !== me && !deleted);
    for (const message of unseen) note(message);
    read(spoken);
    if (unseen.length) events.publish(MESSAGES_UNSEEN, { messages: unseen });
  }

  function note({ seq, mentions }) {
    unread.add(seq);
    if (mentions?.includes(me)) calls.add(seq);
    else calls.delete(seq);
  }

  /** An edit may call, or no longer; what was taken back needs nobody any more. */
  function correct(message) {
    if (!unread.has(message.seq)) return;
    if (message.deleted) drop(message.seq);
    else note(message);
  }

  function drop(seq) {
    unread.delete(seq);
    calls.delete(seq);
  }

  function read(upTo) {
    for (const seq of unread) if (seq <= upTo) drop(seq);
    tell();
  }

  function tell() {
    const now = `${unread.size} ${calls.size}`;
    if (now === told) return;
    told = now;
    events.publish(ATTENTION_CHANGED, { unread: unread.size, calls: calls.size });
  }

  return () => ends.forEach((end) => end());
}
