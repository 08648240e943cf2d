/** Signals between the modules of messages. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * Sends a change that failed once more.
 * @type {Signal<{id: string}>}
 */
export const retryAmendment = signal();

/**
 * Forgets a change that failed.
 * @type {Signal<{id: string}>}
 */
export const discardAmendment = signal();
