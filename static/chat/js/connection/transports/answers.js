/** What answers over HTTP say, in the terms of a socket: frames, `bye` and close codes. */

const CLOSE_CODE = { bad_token: 4401, banned: 4003, no_such_room: 4404, rate_limited: 4008, unavailable: 1013 };

/** The events of an answer, or null if the answer isn't the server's but a proxy's. */
export async function eventsOf(response) {
  try {
    const events = await response.json();
    return Array.isArray(events) ? events.filter((event) => event && typeof event === "object") : null;
  } catch (/** @type {any} */ error) {
    if (error.name !== "SyntaxError") throw error;
    return null;
  }
}

/** The `bye` among the events, or what a socket would be told for a request that was refused as a whole; null if it wasn't. */
export function farewellOf(events) {
  const last = events.at(-1);
  if (last?.type === "bye") return last;
  const code = last?.type === "refused" && !last.re && !last.nonce ? CLOSE_CODE[last.code] : undefined;
  return code ? { type: "bye", code, reconnect: code === 4008 || code === 1013, after: last.retry_after ?? 2 } : null;
}
