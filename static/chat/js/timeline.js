/** The room's messages in order and without holes: turns what arrives into changes of the view, and asks for what is missing. */
import {
  CHANGES_ARRIVED,
  COMMAND_REFUSED,
  CONNECTION_CHANGED,
  LOAD_OLDER,
  MESSAGE_ARRIVED,
  PAGE_ARRIVED,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SEND_COMMAND,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_LOADING,
  TIMELINE_REACHED,
  TIMELINE_RESET,
  subscribeAll,
} from "./events.js";
import { RoomLog } from "./lib/log.js";

const PAGE_SIZE = 50;
const ANSWER_MS = 8_000; // An answer that takes longer isn't coming; asking again is harmless.

export function mount({ events }) {
  const log = new RoomLog();
  let syncTimer = null;
  let historyTimer = null;
  let before = null;

  const end = subscribeAll(events, {
    [ROOM_WELCOMED](welcome) {
      tell(log.welcome(welcome));
    },
    [MESSAGE_ARRIVED](message) {
      tell(log.message(message));
    },
    [CHANGES_ARRIVED](changes) {
      stopSync();
      tell(log.changes(changes));
    },
    [ROOM_PULSED]({ head }) {
      if (head > log.head) sync();
    },
    [LOAD_OLDER]: loadOlder,
    [PAGE_ARRIVED](page) {
      if (page.before !== before || page.author) return;
      stopHistory();
      tell(log.page(page));
    },
    [COMMAND_REFUSED]({ nonce, seq }) {
      if (!nonce && seq === undefined) stopHistory();
    },
    [CONNECTION_CHANGED]() {
      stopSync();
      stopHistory();
    },
  });

  function tell({ kind, added, changed, messages, more }) {
    if (kind === "hole") return sync();
    if (kind === "reset") {
      before = null; // A page that is on its way belongs to what was there before.
      stopHistory();
      events.publish(TIMELINE_RESET, { messages, more });
    }
    if (kind === "changed") events.publish(TIMELINE_CHANGED, { added, changed });
    if (kind === "extended") events.publish(TIMELINE_EXTENDED, { messages, more });
    events.publish(TIMELINE_REACHED, { log: log.log, version: log.head });
  }

  function sync() {
    if (syncTimer) return;
    syncTimer = setTimeout(stopSync, ANSWER_MS);
    events.publish(SEND_COMMAND, { command: { type: "sync", since: log.head } });
  }

  function stopSync() {
    clearTimeout(syncTimer);
    syncTimer = null;
  }

  function loadOlder() {
    if (historyTimer || !log.more) return;
    before = log.oldest;
    historyTimer = setTimeout(stopHistory, ANSWER_MS);
    events.publish(TIMELINE_LOADING, { isLoading: true });
    events.publish(SEND_COMMAND, { command: { type: "history", before, limit: PAGE_SIZE } });
  }

  function stopHistory() {
    if (!historyTimer) return;
    clearTimeout(historyTimer);
    historyTimer = null;
    events.publish(TIMELINE_LOADING, { isLoading: false });
  }

  return function unmount() {
    end();
    clearTimeout(syncTimer);
    clearTimeout(historyTimer);
  };
}
