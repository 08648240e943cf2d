/** Signals between the modules of the connection. Facts for other areas go over the bus. Times (`retryAt`) are those of kit/elapsed.js. */
import { signal } from "../kit/signal.js";

/**
 * The answer with the identity is late.
 * @type {Signal<Page.Nothing>}
 */
export const identityDelayed = signal();

/**
 * The identity couldn't be fetched. `isSlow`: the server asked for the pause, which nothing shortens.
 * @type {Signal<{reason: "lost" | "busy" | "unsigned", retryAt: number, isSlow: boolean}>}
 */
export const identityFailed = signal();

/**
 * The server refused the token.
 * @type {Signal<Page.Nothing>}
 */
export const renewIdentity = signal();

/**
 * The reader is away or back. The next `join` also contains it.
 * @type {Signal<{isIdle: boolean}>}
 */
export const idleChanged = signal();
