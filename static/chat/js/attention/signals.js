/** Signals between the modules of attention. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * So many messages of others came while nobody looked here, so many of them mention me.
 * @type {Signal<{unread: number, mentions: number}>}
 */
export const attentionChanged = signal();

/**
 * Messages of others have just come, while nobody looked here.
 * @type {Signal<{messages: Wire.Message[]}>}
 */
export const unseenArrived = signal();

/**
 * The reader is to be alerted: to this one, the newest.
 * @type {Signal<{message: Wire.Message}>}
 */
export const alertDue = signal();

/**
 * What the reader said to the offer of notifications.
 * @type {Signal<{isWanted: boolean}>}
 */
export const answered = signal();
