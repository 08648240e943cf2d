/** What the connection's modules tell each other. Times (`retryAt`) are those of kit/elapsed.js. Other areas hear of nothing here: that is what the bus is for. */
import { signal } from "../kit/signal.js";

/**
 * The answer is late.
 * @type {Signal<Page.Nothing>}
 */
export const identityDelayed = signal();

/**
 * `isSlow`: the server asked for the pause, nothing shortens it.
 * @type {Signal<{reason: "lost" | "busy", retryAt: number, isSlow: boolean}>}
 */
export const identityFailed = signal();

/**
 * The server refused the token.
 * @type {Signal<Page.Nothing>}
 */
export const renewIdentity = signal();

/**
 * The reader is away, or back; the next `join` says so, too.
 * @type {Signal<{isIdle: boolean}>}
 */
export const idleChanged = signal();
