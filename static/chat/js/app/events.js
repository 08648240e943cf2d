/**
 * The event bus and the names of all its events.
 *
 * Facts are named `subject:what-happened`, requests in the imperative. docs/front-end.md lists name, payload and publishers.
 */

const known = new Set();
const standing = new Set();

/**
 * @template {keyof Payloads} N
 * @param {N} text
 */
function name(text) {
  known.add(text);
  return text;
}

/**
 * The name of a lasting fact: later subscribers get the latest one at once.
 * @template {keyof Payloads} N
 * @param {N} text
 */
function lasting(text) {
  standing.add(text);
  return name(text);
}

// The page
export const APP_LAUNCHED = name("app:launched");
export const FILTER_CHANGED = name("filter:changed");
export const TOGGLE_FILTER = name("filter:toggle");
export const SEARCH_EVERYWHERE = name("search:everywhere");
export const COMPOSER_ESCAPED = name("composer:escaped");
export const FOCUS_COMPOSER = name("composer:focus");
export const FILL_COMPOSER = name("composer:fill");
export const OPEN_MENU = name("menu:open");
export const MENU_CHOSEN = name("menu:chosen");

// The page around a frame
export const HOST_TOKEN_WANTED = name("host:token-wanted");
export const HOST_TOKEN_CHANGED = name("host:token-changed");
export const HOST_THEME_CHANGED = name("host:theme-changed");

// New messages while the reader is away
export const UNSEEN_CHANGED = name("unseen:changed");
export const ALERTS_CHANGED = name("alerts:changed");
export const SOUND_CHANGED = name("sound:changed");

// The reader's rooms
export const GO_TO_ROOM = name("room:go");
export const ROOM_LEAVING = name("room:leaving");
export const ROOMS_CHANGED = name("rooms:changed");

// The reader
export const SESSION_JOINED = name("session:joined");
export const SESSION_CHANGED = lasting("session:changed");
export const IDENTITY_READY = name("identity:ready");
export const NAME_CHOSEN = name("name:chosen");
export const CHANGE_NAME = name("name:change");
export const OPEN_SCREEN_NAME = name("screen-name:open");

// The connection
export const CONNECTION_CHANGED = name("connection:changed");
export const RETRY_CONNECTION = name("connection:retry");
export const SEND_COMMAND = name("command:send");

// The server's events
export const ROOM_WELCOMED = name("room:welcomed");
export const ROOM_PULSED = name("room:pulsed");
export const ROOM_CHANGED = name("room:changed");
export const ROOMS_ACTIVE = name("rooms:active");
export const MESSAGE_ARRIVED = name("message:arrived");
export const REACTION_ARRIVED = name("reaction:arrived");
export const CHANGES_ARRIVED = name("changes:arrived");
export const PAGE_ARRIVED = name("page:arrived");
export const FOUND_ARRIVED = name("found:arrived");
export const MEMBER_JOINED = name("member:joined");
export const MEMBER_LEFT = name("member:left");
export const MEMBER_RENAMED = name("member:renamed");
export const MEMBER_TYPED = name("member:typed");
export const MEMBER_AWAY = name("member:away");
export const COMMAND_REFUSED = name("command:refused");

// The room's messages, in order and complete
export const TIMELINE_RESET = name("timeline:reset");
export const TIMELINE_CHANGED = name("timeline:changed");
export const TIMELINE_EXTENDED = name("timeline:extended");
export const TIMELINE_REACHED = name("timeline:reached");
export const TIMELINE_MISSED = name("timeline:missed");
export const TIMELINE_TRIMMED = name("timeline:trimmed");
export const SHOW_MESSAGE = name("message:show");
export const SHOW_NEWEST = name("timeline:show-newest");
export const VIEW_MOVED = name("view:moved");

// The reader's messages
export const SEND_MESSAGE = name("message:send");
export const RETRY_MESSAGE = name("message:retry");
export const DISCARD_MESSAGE = name("message:discard");
export const OUTBOX_CHANGED = name("outbox:changed");

// Additions to a message's node
export const MESSAGE_FILLED = name("message:filled");

// Replies
export const WANT_QUOTE = name("quote:want");
export const QUOTE_CHANGED = name("quote:changed");

// The reader's edits, deletions and reactions
export const AMEND_MESSAGE = name("message:amend");
export const AMENDMENTS_CHANGED = name("amendments:changed");
export const EDIT_AGAIN = name("message:edit-again");
export const DELETE_MESSAGE = name("message:delete");

// People
export const NAMESAKES_CHANGED = name("people:namesakes-changed");
export const NAMES_CHANGED = name("people:names-changed");

function check(name) {
  if (!known.has(name)) {
    throw new TypeError(`Unknown event ${JSON.stringify(name)}. The names are the constants in events.js; a new one is added there.`);
  }
}

function invoke(handler, payload) {
  try {
    handler(payload);
  } catch (error) {
    reportError(error);
  }
}

/**
 * A bus: `publish(name, payload)` calls every `subscribe(name, handler)`. `subscribe` returns a function that unsubscribes.
 * `forget()` drops the lasting facts, which are about a room that the reader has left.
 * @returns {PageBus}
 */
export function makeBus() {
  const handlers = new Map();
  const latest = new Map(); // The latest payloads of lasting facts.

  function subscribe(name, handler) {
    check(name);
    if (!handlers.has(name)) handlers.set(name, new Set());
    // A wrapper, so that a function may subscribe twice and unsubscribe each time separately.
    const subscription = { handler };
    handlers.get(name).add(subscription);
    if (latest.has(name)) invoke(handler, latest.get(name));
    return () => handlers.get(name).delete(subscription);
  }

  /** @type {(name: string, payload?: object) => void} */
  function publish(name, payload = {}) {
    check(name);
    Object.freeze(payload); // The listeners share it.
    if (standing.has(name)) latest.set(name, payload);
    for (const { handler } of [...(handlers.get(name) ?? [])]) invoke(handler, payload);
  }

  return Object.freeze({ publish, subscribe, forget: () => latest.clear() });
}

/**
 * Sends a command: `answered` is called once, with the answer or a refusal. Returns a function that cancels the request.
 * @param {Bus} events
 * @param {Wire.Command} command
 * @param {(answer: Wire.Outcome) => unknown} answered
 * @param {Pick<Payloads["command:send"], "offline" | "seconds" | "progress">} options
 */
export function request(events, command, answered, options = {}) {
  const asking = new AbortController();
  events.publish(SEND_COMMAND, { command, answered, signal: asking.signal, ...options });
  return () => asking.abort();
}

/**
 * Subscribes to many names at once: `{[NAME]: handler}`. Returns a function that unsubscribes from all.
 * @param {Bus} events
 * @param {Handlers} table
 */
export function subscribeAll(events, table) {
  const ends = /** @type {[any, any][]} */ (Object.entries(table)).map(([name, handler]) => events.subscribe(name, handler));
  return () => ends.forEach((end) => end());
}
