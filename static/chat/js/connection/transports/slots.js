/**
 * Shares the browser's connections between tabs with Web Locks. Under HTTP/1.1 it opens only six to a server, for all tabs together.
 *
 * At most three tabs hold one open, by a stream or long polls. The others take turns with short polls over one more. So two are left for commands and pages.
 */
import { knowsTabs } from "../../kit/tabs.js";

const HTTP1_SLOTS = 3;
const SLOTS = 50; // HTTP/2 and later have one connection for all requests; servers allow about 100 of these.
const TURN_SECONDS = 1; // Ten tabs have their turns before the server ends their sessions.
const UNSHARED_SECONDS = 3; // Without locks: seven tabs' polls wait in the browser for so long at most.

/** Takes a slot. Resolves to the function that frees it, or to null if all are taken. */
export async function takeSlot() {
  for (let number = 0; knowsTabs && number < count(); number++) {
    const free = await take(`chatty.slot.${number}`);
    if (free) return free;
  }
  return null;
}

function take(name) {
  return new Promise((taken) => {
    const hold = (lock) => (lock ? new Promise((free) => taken(() => free(undefined))) : taken(null));
    navigator.locks.request(name, { ifAvailable: true }, hold).catch(() => taken(null)); // They are refused if storage is blocked.
  });
}

/** Calls `poll(seconds)` when it is this tab's turn, with the time that the poll may take. Resolves to its result. */
export async function inTurn(poll, signal) {
  if (!knowsTabs) return poll(UNSHARED_SECONDS);
  let hasBegun = false;
  const begin = () => {
    hasBegun = true;
    return poll(TURN_SECONDS);
  };
  try {
    return await navigator.locks.request("chatty.turn", { signal }, begin);
  } catch (error) {
    if (hasBegun || signal.aborted) throw error;
    return poll(UNSHARED_SECONDS);
  }
}

function count() {
  const [page] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  return /^h[23]/.test(page?.nextHopProtocol ?? "") ? SLOTS : HTTP1_SLOTS;
}
