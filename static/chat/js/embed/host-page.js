/**
 * Talks with the page around a frame, by its `<chatty-room>` (embed/element.js): its token and theme come in, unread counts and the height go out.
 *
 * Only sites of FRAME_ANCESTORS can be around it, for browsers show the frame on no others. The first message from there fixes the origin, and only
 * that one hears more than that the frame is ready.
 */
import {
  FOCUS_COMPOSER,
  HOST_THEME_CHANGED,
  HOST_TOKEN_CHANGED,
  HOST_TOKEN_WANTED,
  TIMELINE_CHANGED,
  TIMELINE_EXTENDED,
  TIMELINE_RESET,
  UNSEEN_CHANGED,
  subscribeAll,
} from "../app/events.js";
import { listen } from "../kit/dom.js";
import { LEAVE, takeEscape } from "../kit/key-stack.js";
import { measure } from "./height.js";

const THEMES = ["system", "light", "dark"];
const TOKEN_LIMIT = 4_096; // Characters; the server's limit for JWTs.

/** @param {Mounting} at */
export function mount({ events, root }) {
  if (!("embed" in document.documentElement.dataset)) return () => {};
  const asked = new URLSearchParams(location.search);
  const parent = window.parent === window ? null : window.parent;
  let origin = null; // The page around.
  let unseen = { unread: 0, mentions: 0 };
  let token = null; // Given before it was wanted.
  let give = null; // Wants a token.
  let height = 0;

  const ends = [
    subscribeAll(events, {
      [UNSEEN_CHANGED](counts) {
        unseen = counts;
        say("unread", unseen);
      },
      [HOST_TOKEN_WANTED]({ give: next }) {
        give = next;
        if (token) hand(token);
        else say("token");
      },
      [TIMELINE_RESET]: fit,
      [TIMELINE_CHANGED]: fit,
      [TIMELINE_EXTENDED]: fit,
    }),
    listen(window, "message", ({ source, origin: from, data }) => {
      if (!parent || source !== parent || (origin !== null && from !== origin)) return;
      hear(from, data);
    }),
    // Another room or page opens beside the host's page, not in its frame.
    listen(document, "click", ({ target }) => leaves(target) && (target.closest("a").target = "_blank"), { capture: true }),
    listen(window, "keydown", (event) => goesElsewhere(event) && event.stopPropagation(), { capture: true }),
    takeEscape(LEAVE, () => asked.get("closable") === "1" && say("leave")),
  ];
  parent?.postMessage({ chatty: "ready" }, "*");

  function hear(from, data) {
    if (data?.chatty === "hello") {
      origin = from;
      say("unread", unseen);
      if (give) say("token");
      height = 0;
      fit();
    } else if (data?.chatty === "token" && typeof data.token === "string" && data.token.length <= TOKEN_LIMIT) {
      hand(data.token);
    } else if (data?.chatty === "failed") {
      give?.(null);
      give = null;
    } else if (data?.chatty === "theme" && THEMES.includes(data.theme)) {
      events.publish(HOST_THEME_CHANGED, { theme: data.theme });
    } else if (data?.chatty === "focus") {
      events.publish(FOCUS_COMPOSER);
    }
  }

  function say(kind, details = {}) {
    if (origin === null) return false;
    parent?.postMessage({ chatty: kind, ...details }, origin);
    return true;
  }

  /** A token that nobody has asked for is for another person, or for later. */
  function hand(given) {
    const wanted = give;
    token = wanted ? null : given;
    give = null;
    if (wanted) wanted(given);
    else events.publish(HOST_TOKEN_CHANGED);
  }

  function fit() {
    if (asked.get("height") !== "auto") return;
    requestAnimationFrame(() => {
      const now = measure(root);
      if (now <= height) return;
      height = now;
      say("height", { height });
    });
  }

  return () => ends.forEach((end) => end());
}

function leaves(target) {
  const link = target.closest?.("a[href]");
  return Boolean(link) && (link.origin !== location.origin || link.pathname !== location.pathname);
}

/** The keys of the stand-alone page for other rooms (room-switcher.js, room-keys.js). */
function goesElsewhere({ key, altKey, ctrlKey, metaKey, shiftKey }) {
  const isSwitch = key.toLowerCase() === "k" && (ctrlKey || metaKey) && !shiftKey && !altKey;
  return isSwitch || (altKey && (key === "ArrowUp" || key === "ArrowDown"));
}
