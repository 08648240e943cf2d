/**
 * What came while nobody looked at this tab: how many messages of others, and how many of them call the reader.
 *
 * It ends when somebody looks here, when somebody looks at the room in another tab, and where the reader has said something since.
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
import { listen } from "./lib/dom.js";
import { isLookedAt, watchLooks } from "./lib/looks.js";

export function mount({ events, root }) {
  const tabs = new BroadcastChannel(`chatty.seen.${root.dataset.room}`); // The others with this room.
  const unread = new Set(); // Of seqs.
  const calls = new Set(); // Those of them that call me.
  let told = "0 0";
  let me = null;
  let log = null;
  let newest = 0; // What lies above it has just come, over an outage as well.
  let seen = 0; // What somebody looked at, in this tab or another, which may have had it first.

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED](welcome) {
        me = welcome.me.id;
        if (welcome.log === log) return;
        log = welcome.log; // What the first welcome brings isn't news, nor is another history.
        newest = Math.max(0, ...welcome.messages.map(({ seq }) => seq));
        seen = newest;
        read(Infinity);
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

  /** Takes news; with a filter what shows and what doesn't come apart, and may overlap. */
  function take(fresh) {
    if (!fresh.length || log === null) return tell();
    newest = Math.max(newest, ...fresh.map(({ seq }) => seq));
    if (isLookedAt()) return see();
    seen = Math.max(seen, ...fresh.filter(({ author }) => author.id === me).map(({ seq }) => seq));
    const unseen = fresh.filter(({ seq, author, deleted }) => seq > seen && !unread.has(seq) && author.id !== me && !deleted);
    for (const message of unseen) note(message);
    read(seen);
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

  function see() {
    seen = Math.max(seen, newest);
    read(seen);
    tabs.postMessage({ log, seq: newest });
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

  return function unmount() {
    ends.forEach((end) => end());
    tabs.close();
  };
}
