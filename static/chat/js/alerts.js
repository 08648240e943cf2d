/** What the reader is alerted to: what the level asks for, where nobody looks at the room in any tab. One tab of a room decides. */
import { ALERTS_CHANGED, ALERT_DUE, MESSAGES_UNSEEN, ROOM_WELCOMED, subscribeAll } from "./events.js";
import { isLookedAt, watchLooks } from "./lib/looks.js";
import { lead, raise, raisedIn } from "./lib/tabs.js";

export function mount({ events, root }) {
  const { room } = root.dataset;
  const look = `chatty.look.${room}`;
  let lower = null;
  let isLeader = false;
  let level = "none";
  let me = null;

  const ends = [
    subscribeAll(events, {
      [ROOM_WELCOMED]: (welcome) => (me = welcome.me.id),
      [ALERTS_CHANGED]: (settings) => (level = settings.level),
      [MESSAGES_UNSEEN]: decide,
    }),
    watchLooks(show),
    lead(`chatty.alerts.${room}`, () => (isLeader = true)),
  ];
  show(isLookedAt());

  function show(isLooked) {
    if (!isLooked) lower?.();
    lower = isLooked ? (lower ?? raise(look)) : null;
  }

  async function decide({ messages }) {
    const wanted = level === "calls" ? messages.filter(({ mentions }) => mentions?.includes(me)) : messages;
    if (!isLeader || level === "none" || !wanted.length || (await raisedIn(look))) return;
    events.publish(ALERT_DUE, { message: wanted.at(-1) });
  }

  return function unmount() {
    ends.forEach((end) => end());
    show(false);
  };
}
