/** Decides which messages cause an alert: by the alert level, if the reader doesn't look at the room in any tab. One tab of a room decides. */
import { ALERTS_CHANGED, CONNECTION_CHANGED, ROOMS_CHANGED, SESSION_CHANGED, subscribeAll } from "../app/events.js";
import { listen } from "../kit/dom.js";
import { isLookedAt, watchLooks } from "../kit/page-focus.js";
import { lead, raise, raisedIn } from "../kit/tabs.js";
import { alertDue, unseenArrived } from "./signals.js";

/** @param {Mounting} at */
export function mount({ events, root }) {
  const { room } = root.dataset;
  const look = `chatty.look.${room}`;
  let lower = null;
  let isLeader = false;
  let resign = null; // While this tab leads, or waits for its turn.
  let level = "none";
  let me = null;
  let isMuted = false;

  const ends = [
    subscribeAll(events, {
      [SESSION_CHANGED]: (session) => (me = session.id),
      [CONNECTION_CHANGED]({ state }) {
        if (state === "joined") candidate();
        else withdraw(); // Without a connection, another tab must decide.
      },
      [ROOMS_CHANGED]: ({ rooms }) => (isMuted = rooms.some((each) => each.isCurrent && each.isMuted)),
      [ALERTS_CHANGED]: (settings) => (level = settings.level),
    }),
    unseenArrived.listen(decide),
    watchLooks(show),
    listen(document, "freeze", withdraw), // The browser suspends this tab.
    listen(document, "resume", candidate),
  ];
  show(isLookedAt());

  function candidate() {
    resign ??= lead(`chatty.alerts.${room}`, () => (isLeader = true));
  }

  function withdraw() {
    resign?.();
    resign = null;
    isLeader = false;
  }

  function show(isLooked) {
    if (!isLooked) lower?.();
    lower = isLooked ? (lower ?? raise(look)) : null;
  }

  async function decide({ messages }) {
    const wanted = level === "mentions" || isMuted ? messages.filter(({ mentions }) => mentions?.includes(me)) : messages;
    if (!isLeader || level === "none" || !wanted.length || (await raisedIn(look))) return;
    alertDue.emit({ message: wanted.at(-1) });
  }

  return function unmount() {
    ends.forEach((end) => end());
    withdraw();
    show(false);
  };
}
