/**
 * The connection to the room, and the only module that knows the protocol's frames (docs/protocol.md). `transports/` carries them.
 *
 * It joins as soon as there are an identity and a name, resumes from the timeline's version, and reconnects by itself.
 */
import {
  APP_LAUNCHED,
  CONNECTION_CHANGED,
  IDENTITY_READY,
  NAME_CHOSEN,
  RETRY_CONNECTION,
  ROOM_LEAVING,
  SEND_COMMAND,
  SESSION_JOINED,
  TIMELINE_REACHED,
  subscribeAll,
} from "../app/events.js";
import { backoff } from "./backoff.js";
import { Choice } from "./choice.js";
import { afterClose } from "./close-codes.js";
import { leaveConnection, takeConnection } from "./handover.js";
import { listen } from "../kit/dom.js";
import { now } from "../kit/elapsed.js";
import { Requests } from "./requests.js";
import { NAME_OF_TYPE } from "./server-events.js";
import { idleChanged, renewIdentity } from "./signals.js";
import { Upward } from "./upward.js";

const PROTOCOL_VERSION = 1;
const QUICK_CHANGES = 4; // Lost connections after which another transport waits as long as the same one would: the server may be gone.
const WELCOME_SECONDS = 10; // The time limit for connecting and joining.
const SILENT_PULSES = 2.5; // A pulse may be late. After two and a half missing ones, the connection is dead.
const FLOOD_SECONDS = 10; // The wait after a 4008 without a time.

/** @param {Mounting} at */
export function mount({ events, root }) {
  let former = takeConnection();
  let identity = null;
  let isRefused = false; // The server refused the token. A new one is awaited.
  let name = null;
  let since = null;
  let epoch = former?.epoch ?? null; // The database's signed epoch, an opaque text.
  let isIdle = false;
  /** @type {Page.Transport | null} */
  let socket = null;
  /** @type {Payloads["connection:changed"]["state"]} */
  let state = "idle";
  let attempt = 0;
  let renewals = 0; // Like `attempt`, but counts only refused tokens.
  let isSlow = false; // The server asked for a pause, which nothing shortens.
  let farewell = null;
  let heardAt = 0;
  let retryTimer = null;
  let watchTimer = null;
  const requests = new Requests((command) => socket?.send(command));
  const choice = former?.choice ?? new Choice();
  const upward = new Upward(choice, (kind, hooks) => choice.open(kind, line(hooks)), rise);

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: () => become("idle"),
      [IDENTITY_READY](fresh) {
        const isOther = Boolean(identity) && identity.uuid !== fresh.uuid;
        const isAwaited = isRefused || state === "idle";
        identity = fresh;
        isRefused = false;
        if (isOther) startAfresh();
        else if (isAwaited) connect();
      },
      [NAME_CHOSEN](chosen) {
        name = chosen.name;
        if (state === "idle") connect();
      },
      [TIMELINE_REACHED]: (reached) => (since = reached),
      [SEND_COMMAND]: (asked) => requests.take(asked),
      [RETRY_CONNECTION]: hurry,
      [ROOM_LEAVING]: leave,
    }),
    idleChanged.listen((idle) => {
      isIdle = idle.isIdle;
    }),
    listen(window, "online", () => upward.doubt() || hurry()),
    // The browser notices before the pulses do. It may be wrong (a server on this machine), so the retries continue.
    listen(window, "offline", () => socket && lose(1006)),
    listen(document, "visibilitychange", () => !document.hidden && hurry()),
  ];

  function become(next, details = {}) {
    state = next;
    if (state === "joined") requests.join();
    else requests.lose(state === "stopped");
    events.publish(CONNECTION_CHANGED, { state, ...details });
  }

  function hurry() {
    if (state !== "waiting" || isSlow) return;
    if (!isRefused) connect();
    else if (retryTimer) askAnew(); // Otherwise an identity is being fetched, with its own retries.
  }

  function connect() {
    if (!identity || isRefused || !name || socket || state === "stopped") return;
    clearTimeout(retryTimer);
    farewell = null;
    isSlow = false;
    become("connecting");
    const heard = (frame) => opened === socket && hear(frame);
    const lost = (code, how) => opened === socket && lose(code, how);
    const opened = choice.begin(line({ heard, lost }), former?.transport);
    former = null;
    socket = opened;
    watch(WELCOME_SECONDS);
  }

  /** The page goes to another room. A connection that can go there isn't closed. */
  function leave() {
    const transport = socket?.move ? socket : null;
    if (transport) socket = null;
    leaveConnection({ choice, transport, epoch });
  }

  /** Reconnects as another person. The view is loaded again, because different messages are the reader's own now. */
  function startAfresh() {
    since = null;
    drop();
    connect();
  }

  function line(hooks) {
    return { identity: () => identity, room: root.dataset.room, join, ...hooks };
  }

  function join() {
    const reached = since && { since: { ...since, ...(epoch && { epoch }) } };
    return { type: "join", token: identity.token, name, v: PROTOCOL_VERSION, ...reached, ...(isIdle && { away: true }) };
  }

  /** Reconnects by a better transport, which has just been tried. */
  function rise(kind) {
    choice.rise(kind);
    drop();
    connect();
  }

  /** Drops a connection that was silent for too long. It checks twice in that time, because a sleeping laptop's timers are late. */
  function watch(seconds) {
    clearTimeout(watchTimer);
    heardAt = now();
    const look = () => {
      if (now() - heardAt >= seconds * 1000) lose(1006, state === "joined" ? "stalled" : "silent");
      else watchTimer = setTimeout(look, seconds * 500);
    };
    watchTimer = setTimeout(look, seconds * 500);
  }

  function hear(frame) {
    heardAt = now();
    for (const event of frame) {
      if (event.type === "welcome" || event.type === "pulse") epoch = event.epoch ?? epoch;
      if (event.type === "welcome") {
        watch(socket?.silence ?? event.pulse * SILENT_PULSES);
        if (state !== "joined") upward.begin();
        become("joined", { transport: socket?.kind });
        const { me, moderator = false, may_describe: mayDescribe = false, log } = event;
        events.publish(SESSION_JOINED, { ...me, isModerator: moderator, mayDescribe, log }); // First, because handlers of the welcome need it.
      } else if (event.type === "pulse") {
        attempt = renewals = 0; // Only now: a server that dies on every welcome must not be hammered.
      } else if (event.type === "bye") {
        farewell = event;
      } else if (event.type === "refused" && event.code === "name_invalid" && state === "connecting") {
        name = null; // The reader is asked for another name, which reconnects.
        drop();
        become("idle");
      }
      const known = NAME_OF_TYPE[event.type];
      if (known) events.publish(known, event);
      if (event.type === "welcome") requests.resume(); // After the welcome, in which modules cancel requests about another history.
      requests.settle(event);
    }
  }

  /** @param {Page.Loss} [how] */
  function lose(code, how = "cut") {
    const isOther = !farewell && choice.lost(code, how);
    drop();
    const { next, reason } = afterClose(code, farewell, state === "joined");
    if (next === "stop") return become("stopped", { reason });
    if (next === "renew") return renew(reason);
    isSlow = next === "slow";
    const wait = isOther && attempt < QUICK_CHANGES ? backoff(0) : pause();
    attempt += 1;
    retryTimer = setTimeout(connect, wait);
    become("waiting", { reason, retryAt: now() + wait, isSlow });
  }

  function pause() {
    if (isSlow) return (farewell?.after ?? FLOOD_SECONDS) * 1000 + backoff(attempt);
    if (farewell) return Math.random() * farewell.after * 1000; // The server asks members to spread their reconnects.
    return backoff(attempt);
  }

  /** Renews the identity: at once the first time, later with a wait, in case the server refuses every token. */
  function renew(reason) {
    isRefused = true;
    isSlow = false;
    const wait = renewals ? backoff(renewals) : 0;
    renewals += 1;
    retryTimer = setTimeout(askAnew, wait);
    become("waiting", { reason, ...(wait && { retryAt: now() + wait }) });
  }

  function askAnew() {
    clearTimeout(retryTimer);
    retryTimer = null;
    renewIdentity.emit();
  }

  function drop() {
    clearTimeout(watchTimer);
    clearTimeout(retryTimer);
    retryTimer = null;
    upward.stop();
    const dropped = socket;
    socket = null; // First, so that a late close event is ignored.
    dropped?.close();
  }

  return () => [...ends, () => requests.close(), drop, () => former?.transport?.close()].forEach((end) => end());
}
