/**
 * The connection to the room. The only module that knows the WebSocket and its frames; docs/protocol.md describes them.
 *
 * It joins as soon as there are an identity and a name, resumes where the timeline stands, and comes back by itself after a loss.
 */
import {
  APP_LAUNCHED,
  CHANGES_ARRIVED,
  COMMAND_REFUSED,
  CONNECTION_CHANGED,
  FOUND_ARRIVED,
  IDENTITY_READY,
  IDLE_CHANGED,
  MEMBER_AWAY,
  MEMBER_BANNED,
  MEMBER_JOINED,
  MEMBER_LEFT,
  MEMBER_RENAMED,
  MEMBER_TYPED,
  MESSAGE_ARRIVED,
  NAME_CHOSEN,
  PAGE_ARRIVED,
  RENEW_IDENTITY,
  RETRY_CONNECTION,
  ROOMS_ACTIVE,
  ROOM_CHANGED,
  ROOM_MADE,
  ROOM_PULSED,
  ROOM_WELCOMED,
  SEND_COMMAND,
  TIMELINE_REACHED,
  UNREAD_ARRIVED,
  subscribeAll,
} from "./events.js";
import { backoff } from "./lib/backoff.js";
import { afterClose } from "./lib/close-codes.js";
import { listen } from "./lib/dom.js";

const PROTOCOL_VERSION = 1;
const WELCOME_SECONDS = 10; // Connecting and joining take no longer, or the way is dead.
const SILENT_PULSES = 2.5; // A pulse may be late; two and a half in a row are a dead connection.
const FLOOD_SECONDS = 10; // After a 4008 that names no time: come back slower than what got us closed.

const NAME_OF_TYPE = {
  welcome: ROOM_WELCOMED,
  message: MESSAGE_ARRIVED,
  joined: MEMBER_JOINED,
  left: MEMBER_LEFT,
  renamed: MEMBER_RENAMED,
  typing: MEMBER_TYPED,
  room: ROOM_CHANGED,
  made: ROOM_MADE,
  unread: UNREAD_ARRIVED,
  activity: ROOMS_ACTIVE,
  away: MEMBER_AWAY,
  banned: MEMBER_BANNED,
  pulse: ROOM_PULSED,
  page: PAGE_ARRIVED,
  found: FOUND_ARRIVED,
  changes: CHANGES_ARRIVED,
  refused: COMMAND_REFUSED,
};

export function mount({ events, root }) {
  let identity = null;
  let name = null;
  let since = null;
  let isIdle = false;
  let socket = null;
  let state = "idle";
  let attempt = 0;
  let isSlow = false; // The server asked for a pause: nothing shortens it.
  let farewell = null;
  let heardAt = 0;
  let retryTimer = null;
  let watchTimer = null;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: () => become("idle"),
      [IDENTITY_READY](fresh) {
        identity = fresh;
        connect();
      },
      [NAME_CHOSEN](chosen) {
        name = chosen.name;
        if (state === "idle") connect();
      },
      [TIMELINE_REACHED](reached) {
        since = reached;
      },
      [IDLE_CHANGED](idle) {
        isIdle = idle.isIdle;
      },
      [SEND_COMMAND]({ command }) {
        if (state === "joined") send(command);
      },
      [RETRY_CONNECTION]: hurry,
    }),
    listen(window, "online", hurry),
    // The browser knows before the pulses do. It may be wrong (a server on this machine), hence the retries go on.
    listen(window, "offline", () => socket && lose(1006)),
    listen(document, "visibilitychange", () => !document.hidden && hurry()),
  ];

  function become(next, details = {}) {
    state = next;
    events.publish(CONNECTION_CHANGED, { state, ...details });
  }

  function hurry() {
    if (state === "waiting" && !isSlow) connect();
  }

  function connect() {
    if (!identity || !name || socket || state === "stopped") return;
    clearTimeout(retryTimer);
    farewell = null;
    isSlow = false;
    become("connecting");
    const opened = new WebSocket(`${identity.socketURL}/${encodeURIComponent(root.dataset.room)}`);
    socket = opened;
    opened.onopen = join;
    opened.onmessage = ({ data }) => opened === socket && hear(data);
    opened.onclose = ({ code }) => opened === socket && lose(code);
    watch(WELCOME_SECONDS);
  }

  function join() {
    send({ type: "join", token: identity.token, name, v: PROTOCOL_VERSION, ...(since && { since }), ...(isIdle && { away: true }) });
  }

  function send(command) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
  }

  /** Gives the connection up when nothing was heard for so long. Looked at twice in that time: a sleeping laptop's timers are late. */
  function watch(seconds) {
    clearTimeout(watchTimer);
    heardAt = Date.now();
    const look = () => {
      if (Date.now() - heardAt >= seconds * 1000) lose(1006);
      else watchTimer = setTimeout(look, seconds * 500);
    };
    watchTimer = setTimeout(look, seconds * 500);
  }

  function hear(data) {
    heardAt = Date.now();
    for (const event of parse(data)) {
      if (event.type === "welcome") {
        watch(event.pulse * SILENT_PULSES);
        become("joined");
      } else if (event.type === "pulse") {
        attempt = 0; // It holds. A server that dies on every welcome must not be hammered.
      } else if (event.type === "bye") {
        farewell = event;
      } else if (event.type === "refused" && event.code === "name_invalid" && state === "connecting") {
        name = null; // Another is asked for; the connection comes with it.
        drop();
        become("idle");
      }
      const known = NAME_OF_TYPE[event.type];
      if (known) events.publish(known, event);
    }
  }

  function lose(code) {
    drop();
    const { next, reason } = afterClose(code, farewell, state === "joined");
    if (next === "stop") return become("stopped", { reason });
    if (next === "renew") return renew(reason);
    isSlow = next === "slow";
    const wait = pause();
    attempt += 1;
    retryTimer = setTimeout(connect, wait);
    become("waiting", { reason, retryAt: Date.now() + wait, isSlow });
  }

  function pause() {
    if (isSlow) return (farewell?.after ?? FLOOD_SECONDS) * 1000 + backoff(attempt);
    if (farewell) return Math.random() * farewell.after * 1000; // The server spreads the members it sends away.
    return backoff(attempt);
  }

  /** At once the first time; a server that takes no token at all is not asked in a tight loop. */
  function renew(reason) {
    identity = null;
    retryTimer = setTimeout(() => events.publish(RENEW_IDENTITY), attempt ? backoff(attempt) : 0);
    attempt += 1;
    become("waiting", { reason });
  }

  function drop() {
    clearTimeout(watchTimer);
    clearTimeout(retryTimer);
    const dropped = socket;
    socket = null; // First: a close that takes its time must find itself forgotten.
    dropped?.close();
  }

  return function unmount() {
    ends.forEach((end) => end());
    drop();
  };
}

/** The events in a frame; none where it isn't the array of objects that it should be. */
function parse(data) {
  try {
    const frame = JSON.parse(data);
    if (Array.isArray(frame)) return frame.filter((event) => event && typeof event === "object");
  } catch {
    // Reported below, like any other frame that isn't an array.
  }
  reportError(new Error("Expected a JSON array of events, but got another frame"));
  return [];
}
