/**
 * The next step after the socket closed: `{next, reason}`. `joined`: whether it had joined.
 *
 * `next` is `retry` (reconnect), `slow` (reconnect later than usual), `renew` (with a new identity) or `stop` (don't reconnect unchanged).
 * `reason` is the key of the text for the reader.
 */
export function afterClose(code, farewell, joined) {
  if (code === 4401) return { next: "renew", reason: "lost" };
  if (code === 4003) return { next: "stop", reason: "banned" };
  if (code === 4404) return { next: "stop", reason: "no-room" };
  if (code >= 4400 && code < 4500) return { next: "stop", reason: "outdated" };
  if (farewell && !farewell.reconnect) return { next: "stop", reason: "closed" };
  if (code === 4008) return { next: "slow", reason: joined ? "flooding" : "crowded" };
  if (farewell || code === 1001 || code === 1012) return { next: "retry", reason: "restarting" };
  return { next: "retry", reason: "lost" };
}
