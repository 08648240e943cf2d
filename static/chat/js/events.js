/**
 * The event bus, and every name that may travel on it.
 *
 * Facts are named `subject:what-happened`; requests are imperative. docs/front-end.md has the table: name, payload, who publishes.
 */

const known = new Set();

function name(text) {
  known.add(text);
  return text;
}

// The page
export const APP_LAUNCHED = name("app:launched");
export const FILTER_CHANGED = name("filter:changed");
export const TOGGLE_FILTER = name("filter:toggle");
export const OPEN_HELP = name("help:open");
export const HELP_CLOSED = name("help:closed");
export const COMPOSER_TYPED = name("composer:typed");
export const COMPOSER_SUBMITTED = name("composer:submitted");
export const COMPOSER_ESCAPED = name("composer:escaped");
export const FILL_COMPOSER = name("composer:fill");
export const BORROW_COMPOSER = name("composer:borrow");
export const RETURN_COMPOSER = name("composer:return");
export const SET_CONTEXT = name("composer:set-context");
export const OPEN_MENU = name("menu:open");
export const MENU_CHOSEN = name("menu:chosen");

// What came while nobody looked
export const ATTENTION_CHANGED = name("attention:changed");
export const MESSAGES_UNSEEN = name("attention:unseen");
export const ALERT_DUE = name("alert:due");
export const ALERTS_CHANGED = name("alerts:changed");
export const ALERTS_ANSWERED = name("alerts:answered");
export const ALERTS_BLOCKED = name("alerts:blocked");
export const SOUND_CHANGED = name("sound:changed");

// The rooms I know
export const ROOMS_CHANGED = name("rooms:changed");
export const READ_ROOM = name("room:read");
export const FORGET_ROOM = name("room:forget");
export const MAKE_ROOM = name("room:make");
export const DESCRIBE_ROOM = name("room:describe");
export const OPEN_ABOUT = name("about:open");
export const OPEN_SWITCHER = name("switcher:open");

// Who I am
export const IDENTITY_READY = name("identity:ready");
export const IDENTITY_FAILED = name("identity:failed");
export const RENEW_IDENTITY = name("identity:renew");
export const NAME_CHOSEN = name("name:chosen");
export const CHANGE_NAME = name("name:change");
export const OPEN_SCREEN_NAME = name("screen-name:open");
export const SCREEN_NAME_CLOSED = name("screen-name:closed");

// The connection
export const CONNECTION_CHANGED = name("connection:changed");
export const RETRY_CONNECTION = name("connection:retry");
export const SEND_COMMAND = name("command:send");
export const IDLE_CHANGED = name("idle:changed");

// What the server says: the events of the wire
export const ROOM_WELCOMED = name("room:welcomed");
export const ROOM_PULSED = name("room:pulsed");
export const ROOM_CHANGED = name("room:changed");
export const ROOM_MADE = name("room:made");
export const UNREAD_ARRIVED = name("unread:arrived");
export const ROOMS_ACTIVE = name("rooms:active");
export const MESSAGE_ARRIVED = name("message:arrived");
export const CHANGES_ARRIVED = name("changes:arrived");
export const PAGE_ARRIVED = name("page:arrived");
export const FOUND_ARRIVED = name("found:arrived");
export const MEMBER_JOINED = name("member:joined");
export const MEMBER_LEFT = name("member:left");
export const MEMBER_RENAMED = name("member:renamed");
export const MEMBER_TYPED = name("member:typed");
export const MEMBER_AWAY = name("member:away");
export const MEMBER_BANNED = name("member:banned");
export const COMMAND_REFUSED = name("command:refused");

// The room's messages, in order and complete
export const TIMELINE_RESET = name("timeline:reset");
export const TIMELINE_CHANGED = name("timeline:changed");
export const TIMELINE_EXTENDED = name("timeline:extended");
export const TIMELINE_REACHED = name("timeline:reached");
export const TIMELINE_LOADING = name("timeline:loading-changed");
export const TIMELINE_MISSED = name("timeline:missed");
export const TIMELINE_TRIMMED = name("timeline:trimmed");
export const LOAD_OLDER = name("timeline:load-older");
export const LOAD_NEWER = name("timeline:load-newer");
export const SHOW_MESSAGE = name("message:show");
export const MESSAGE_SHOWN = name("message:shown");
export const SHOW_NEWEST = name("timeline:show-newest");
export const MESSAGE_DRAWN = name("message:drawn");
export const LIST_DRAWN = name("list:drawn");
export const DIVIDER_MOVED = name("divider:moved");
export const VIEW_MOVED = name("view:moved");

// What I say
export const SEND_MESSAGE = name("message:send");
export const RETRY_MESSAGE = name("message:retry");
export const DISCARD_MESSAGE = name("message:discard");
export const OUTBOX_CHANGED = name("outbox:changed");

// A message's node: what else is shown of it
export const MESSAGE_FILLED = name("message:filled");
export const MESSAGE_UNFOLDED = name("message:unfolded");

// What others answer to
export const WANT_QUOTE = name("quote:want");
export const QUOTE_CHANGED = name("quote:changed");

// What I change, take back, or react to
export const AMEND_MESSAGE = name("message:amend");
export const RETRY_AMENDMENT = name("amendment:retry");
export const DISCARD_AMENDMENT = name("amendment:discard");
export const AMENDMENTS_CHANGED = name("amendments:changed");
export const EDIT_LAST = name("message:edit-last");
export const EDIT_AGAIN = name("message:edit-again");
export const TAKE_BACK = name("message:take-back");

// People
export const NAMESAKES_CHANGED = name("people:namesakes-changed");
export const NAMES_CHANGED = name("people:names-changed");

function check(name) {
  if (!known.has(name)) {
    throw new TypeError(`Unknown event ${JSON.stringify(name)}. The names are the constants in events.js; a new one is added there.`);
  }
}

/** A bus: `publish(name, payload)` calls every `subscribe(name, handler)`; `subscribe` returns the way to unsubscribe. */
export function makeBus() {
  const handlers = new Map();

  function subscribe(name, handler) {
    check(name);
    if (!handlers.has(name)) handlers.set(name, new Set());
    // A wrapper, so that the same function subscribed twice is two subscriptions, each with its own end.
    const subscription = { handler };
    handlers.get(name).add(subscription);
    return () => handlers.get(name).delete(subscription);
  }

  function publish(name, payload = {}) {
    check(name);
    Object.freeze(payload); // Listeners share it.
    for (const { handler } of [...(handlers.get(name) ?? [])]) {
      try {
        handler(payload);
      } catch (error) {
        reportError(error);
      }
    }
  }

  return Object.freeze({ publish, subscribe });
}

/** Subscribes to many names at once: `{[NAME]: handler}`. Returns the way to unsubscribe from all. */
export function subscribeAll(events, table) {
  const ends = Object.entries(table).map(([name, handler]) => events.subscribe(name, handler));
  return () => ends.forEach((end) => end());
}
