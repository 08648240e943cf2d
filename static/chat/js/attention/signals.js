/** Signals between the modules of attention. Facts for other areas go over the bus. */
import { signal } from "../kit/signal.js";

/**
 * The number of others' messages that came while the reader didn't look here, and of those that mention the reader, with those elsewhere.
 * @type {Signal<{unread: number, mentions: number}>}
 */
export const attentionChanged = signal();

/**
 * Messages of others have just come while the reader didn't look here.
 * @type {Signal<{messages: Wire.Message[]}>}
 */
export const unseenArrived = signal();

/**
 * Alerts the reader to this message, the newest.
 * @type {Signal<{message: Wire.Message}>}
 */
export const alertDue = signal();

/**
 * How often the reader is mentioned in unread messages of the other rooms.
 * @type {Signal<{mentions: number}>}
 */
export const mentionedElsewhere = signal();

/**
 * Alerts the reader to a mention in another room.
 * @type {Signal<{slug: string, title: string}>}
 */
export const roomDue = signal();

/**
 * Why notifications that the reader wants can't be shown.
 * @type {Signal<{reason: "denied" | "insecure" | "missing"}>}
 */
export const alertsBlocked = signal();

/**
 * The reader's answer to the offer of notifications.
 * @type {Signal<{isWanted: boolean}>}
 */
export const answered = signal();
