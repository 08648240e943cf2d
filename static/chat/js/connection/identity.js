/**
 * The browser's identity: fetches the uuid with its token, and stores them for the next visit and the other tabs.
 *
 * The server decides: it checks the stored token, or without one its cookie's, and issues a new identity if neither is valid. All tabs use the
 * last stored identity, so that they are the same person. Where the site knows the reader, the identity has the reader's `name` there.
 *
 * In a frame of a page that signs who the reader is, that page's token comes first, and nothing is stored: the browser may also have a guest's
 * identity for the stand-alone page.
 */
import { APP_LAUNCHED, HOST_TOKEN_CHANGED, HOST_TOKEN_WANTED, IDENTITY_READY, RETRY_CONNECTION, subscribeAll } from "../app/events.js";
import { backoff } from "./backoff.js";
import { listen } from "../kit/dom.js";
import { now } from "../kit/elapsed.js";
import { openStore } from "../kit/store.js";
import { alone } from "../kit/tabs.js";
import { identityDelayed, identityFailed, renewIdentity } from "./signals.js";

const KEY = "identity";
const ANSWER_MS = 10_000; // The wait for other tabs, and again for the answer. Then the next tab may try.
const DELAY_MS = 3_000; // Until then, the skeleton is enough.
let answered = null; // The server's last answer, for the next room of this page.

/** @param {Mounting} at */
export function mount({ events, root }) {
  const isSigned = "signed" in document.documentElement.dataset; // embed-early.js says so.
  const store = openStore(isSigned ? "memory" : "localStorage");
  let current = store.get(KEY); // {uuid, token, name?}; from the first answer on also {socketURL, httpURL}.
  let timer = null;
  let attempt = 0;
  let isSlow = false; // The server asked for a pause, which nothing shortens.
  let isMounted = true;
  let isFetching = false;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: begin,
      [RETRY_CONNECTION]: hurry,
      [HOST_TOKEN_CHANGED]: fetchIdentity,
    }),
    renewIdentity.listen(fetchIdentity), // It sends the stored token: another tab may have replaced it, or it may be valid again.
    store.watchAll(KEY, follow),
    listen(window, "online", hurry),
    listen(document, "visibilitychange", () => !document.hidden && hurry()),
  ];

  /** Uses the answer that the former room's modules got, unless another tab has another identity since. */
  function begin() {
    if (answered && (store.get(KEY) ?? answered).token === answered.token) take(answered);
    else fetchIdentity();
  }

  async function fetchIdentity() {
    if (isFetching) return;
    isFetching = true;
    clearTimeout(timer);
    timer = null;
    const delay = setTimeout(() => identityDelayed.emit(), DELAY_MS);
    try {
      const identity = await (isSigned ? ask() : alone("chatty.identity", ask, ANSWER_MS)); // Otherwise two tabs opened at once would become two people.
      attempt = 0;
      if (isMounted) take(identity);
    } catch (/** @type {any} */ error) {
      if (isMounted) tryLater(error.retryAfter ?? 0, error.reason);
    } finally {
      clearTimeout(delay);
      isFetching = false;
    }
  }

  function hurry() {
    if (timer && !isSlow) fetchIdentity();
  }

  async function ask() {
    const token = isSigned ? await hostToken() : (store.get(KEY) ?? current)?.token;
    const headers = new Headers(token && { Authorization: `Bearer ${token}` });
    const response = await fetch(root.dataset.userInfoUrl, { headers, cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    if (!response.ok) {
      const retryAfter = response.status === 429 ? Number(response.headers.get("Retry-After")) : 0;
      throw Object.assign(new Error(`Expected an identity, but got ${response.status}`), { retryAfter });
    }
    const { uuid, token: fresh, name = null, socketURL, httpURL } = await response.json();
    store.set(KEY, { uuid, token: fresh, name });
    answered = { uuid, token: fresh, name, socketURL, httpURL };
    return answered;
  }

  function hostToken() {
    return new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error("Expected a token from the page around, but got none")), ANSWER_MS);
      const give = (token) => (token ? resolve(token) : reject(Object.assign(new Error("The page around got no token"), { reason: "unsigned" })));
      events.publish(HOST_TOKEN_WANTED, { give });
    });
  }

  function take(identity) {
    const isReplaced = current && current.uuid !== identity.uuid && !current.name && !identity.name; // Not by signing in or out.
    const former = isReplaced ? current.uuid : null;
    current = identity;
    events.publish(IDENTITY_READY, { ...identity, former });
  }

  /** Adopts the identity that another tab has stored. */
  function follow() {
    const { uuid, token, name = null } = store.get(KEY) ?? {};
    if (!isFetching && current?.socketURL && uuid && token && token !== current.token) take({ ...current, uuid, token, name });
  }

  /** @param {number} seconds @param {"lost" | "unsigned"} [reason] */
  function tryLater(seconds, reason = "lost") {
    isSlow = seconds > 0;
    const wait = seconds * 1000 + backoff(++attempt);
    timer = setTimeout(fetchIdentity, wait);
    identityFailed.emit({ reason: isSlow ? "busy" : reason, retryAt: now() + wait, isSlow });
  }

  return function unmount() {
    isMounted = false;
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}
