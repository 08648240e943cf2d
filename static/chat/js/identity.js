/** Who this browser is: fetches the uuid with its token, and keeps them for the next visit and the other tabs. */
import { APP_LAUNCHED, IDENTITY_FAILED, IDENTITY_READY, RENEW_IDENTITY, RETRY_CONNECTION, subscribeAll } from "./events.js";
import { backoff } from "./lib/backoff.js";
import { listen } from "./lib/dom.js";
import { openStore } from "./lib/store.js";
import { alone } from "./lib/tabs.js";

const KEY = "identity";

export function mount({ events, root }) {
  const store = openStore("localStorage");
  let timer = null;
  let attempt = 0;
  let isSlow = false; // The server asked for a pause: nothing shortens it.
  let isMounted = true;
  let isFetching = false;

  const ends = [
    subscribeAll(events, {
      [APP_LAUNCHED]: fetchIdentity,
      [RENEW_IDENTITY]() {
        store.remove(KEY);
        fetchIdentity();
      },
      [RETRY_CONNECTION]: hurry,
    }),
    listen(window, "online", hurry),
  ];

  async function fetchIdentity() {
    if (isFetching) return;
    isFetching = true;
    clearTimeout(timer);
    timer = null;
    try {
      const identity = await alone("chatty.identity", ask); // Two tabs opened at once would become two people.
      attempt = 0;
      if (isMounted) events.publish(IDENTITY_READY, identity);
    } catch (error) {
      if (isMounted) tryLater(error.retryAfter ?? 0);
    } finally {
      isFetching = false;
    }
  }

  function hurry() {
    if (timer && !isSlow) fetchIdentity();
  }

  async function ask() {
    const token = store.get(KEY)?.token;
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const response = await fetch(root.dataset.userInfoUrl, { headers, cache: "no-store" });
    if (!response.ok) {
      const retryAfter = response.status === 429 ? Number(response.headers.get("Retry-After")) : 0;
      throw Object.assign(new Error(`Expected an identity, but got ${response.status}`), { retryAfter });
    }
    const { uuid, token: fresh, socketURL } = await response.json();
    store.set(KEY, { uuid, token: fresh });
    return { uuid, token: fresh, socketURL };
  }

  function tryLater(seconds) {
    isSlow = seconds > 0;
    const wait = seconds * 1000 + backoff(++attempt);
    timer = setTimeout(fetchIdentity, wait);
    events.publish(IDENTITY_FAILED, { reason: isSlow ? "busy" : "lost", retryAt: Date.now() + wait, isSlow });
  }

  return function unmount() {
    isMounted = false;
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}
