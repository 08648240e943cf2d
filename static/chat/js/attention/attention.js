/**
 * Counts messages of others that arrived while the reader didn't look at this tab, and those of them that mention the reader.
 *
 * In a muted room, only those that mention the reader count. They count as seen when the reader looks at this tab or at the room in another tab, or has posted after them.
 */
import { ROOMS_CHANGED, ROOM_WELCOMED, SESSION_CHANGED, TIMELINE_CHANGED, TIMELINE_MISSED, TIMELINE_RESET, UNSEEN_CHANGED, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";
import { greatest } from "../kit/extremes.js";
import { isLookedAt, watchLooks } from "../kit/page-focus.js";
import { attentionChanged, mentionedElsewhere, unseenArrived } from "./signals.js";

const MOST_COUNTED = 10_000; // The limit for a tab in the background for weeks.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const tabs = new BroadcastChannel(`chatty.seen.${root.dataset.room}`); // Other tabs with this room.
  const unread = new Set(); // Of seqs.
  const mentioned = new Set(); // The seqs of these that mention the reader.
  let isMuted = false;
  let elsewhere = 0; // Mentions in other rooms.
  let published = "0 0";
  let me = null;
  let log = null;
  let newest = 0; // Messages above this seq are new, also after an outage.
  let cleared = 0; // Messages up to this seq aren't in `unread`.
  let seen = 0; // The seq up to which the reader has looked, in any tab.

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [ROOMS_CHANGED]({ rooms }) {
        isMuted = rooms.some((room) => room.isCurrent && room.isMuted);
        publish();
      },
      [ROOM_WELCOMED](welcome) {
        if (welcome.log === log) return;
        log = welcome.log; // Messages of the first welcome, or of another history, aren't new.
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
    mentionedElsewhere.listen(({ mentions }) => {
      elsewhere = mentions;
      publish();
    }),
    watchLooks((isLooked) => isLooked && see()),
    listen(tabs, "message", ({ data }) => {
      if (data.log !== log) return;
      seen = Math.max(seen, data.seq);
      read(seen);
    }),
  ];

  /** Counts new messages. With a filter, shown and hidden ones come separately and may overlap. */
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
    const count = isMuted ? mentioned.size : unread.size;
    const mentions = mentioned.size + elsewhere;
    const now = `${count} ${mentions}`;
    if (now === published) return;
    published = now;
    attentionChanged.emit({ unread: count, mentions });
    events.publish(UNSEEN_CHANGED, { unread: count, mentions: mentioned.size });
  }

  return function unmount() {
    ends.forEach((end) => end());
    tabs.close();
  };
}
