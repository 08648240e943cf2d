/**
 * Messages of others that arrived while nobody looked at this tab, and how many of them mention the reader.
 *
 * They count as seen when somebody looks at this tab or at the room in another tab, and when the reader has posted after them.
 */
import { ROOM_WELCOMED, SESSION_CHANGED, TIMELINE_CHANGED, TIMELINE_MISSED, TIMELINE_RESET, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";
import { greatest } from "../kit/extremes.js";
import { isLookedAt, watchLooks } from "../kit/page-focus.js";
import { attentionChanged, unseenArrived } from "./signals.js";

const MOST_COUNTED = 10_000; // A tab that nobody looks at for weeks counts no further.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const tabs = new BroadcastChannel(`chatty.seen.${root.dataset.room}`); // The others with this room.
  const unread = new Set(); // Of seqs.
  const mentioned = new Set(); // Those of them that mention me.
  let published = "0 0";
  let me = null;
  let log = null;
  let newest = 0; // What lies above it has just come, over an outage as well.
  let cleared = 0; // What lies up to here isn't in `unread`.
  let seen = 0; // What somebody looked at, in this tab or another, which may have had it first.

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [ROOM_WELCOMED](welcome) {
        if (welcome.log === log) return;
        log = welcome.log; // What the first welcome brings isn't new, nor is another history.
        newest = greatest(welcome.messages.map(({ seq }) => seq), 0);
        seen = newest;
        cleared = 0;
        read(Infinity);
        cleared = seen;
      },
      [TIMELINE_RESET]: ({ messages }) => take(messages.filter(({ seq }) => seq > newest)),
      [TIMELINE_MISSED]: ({ added }) => take(added),
      [TIMELINE_CHANGED]({ added, changed }) {
        changed.forEach(correct);
        take(added);
      },
    }),
    watchLooks((isLooked) => isLooked && see()),
    listen(tabs, "message", ({ data }) => {
      if (data.log !== log) return;
      seen = Math.max(seen, data.seq);
      read(seen);
    }),
  ];

  /** Takes new messages; with a filter what shows and what doesn't come apart, and may overlap. */
  function take(fresh) {
    if (!fresh.length || log === null) return publish();
    newest = greatest(fresh.map(({ seq }) => seq), newest);
    if (isLookedAt()) return see();
    seen = greatest(fresh.filter(({ author }) => author.id === me).map(({ seq }) => seq), seen);
    const unseen = fresh.filter(({ seq, author, deleted }) => seq > seen && !unread.has(seq) && author.id !== me && !deleted);
    for (const message of unseen) note(message);
    read(seen);
    if (unseen.length) unseenArrived.emit({ messages: unseen });
  }

  function note({ seq, mentions }) {
    if (unread.size >= MOST_COUNTED && !unread.has(seq)) return;
    unread.add(seq);
    if (mentions?.includes(me)) mentioned.add(seq);
    else mentioned.delete(seq);
  }

  /** An edit may add or remove a mention; a deleted message no longer counts. */
  function correct(message) {
    if (!unread.has(message.seq)) return;
    if (message.deleted) drop(message.seq);
    else note(message);
  }

  function drop(seq) {
    unread.delete(seq);
    mentioned.delete(seq);
  }

  function see() {
    seen = Math.max(seen, newest);
    read(seen);
    tabs.postMessage({ log, seq: newest });
  }

  function read(upTo) {
    if (upTo > cleared) for (const seq of unread) if (seq <= upTo) drop(seq);
    cleared = Math.max(cleared, upTo);
    publish();
  }

  function publish() {
    const now = `${unread.size} ${mentioned.size}`;
    if (now === published) return;
    published = now;
    attentionChanged.emit({ unread: unread.size, mentions: mentioned.size });
  }

  return function unmount() {
    ends.forEach((end) => end());
    tabs.close();
  };
}
