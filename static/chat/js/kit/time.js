/** Formats times in the reader's locale and time zone. All are milliseconds since 1970. */
import { now } from "./elapsed.js";
import { hourCycle, locale } from "./locale.js";

const formats = new Map();

function format(at, options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, options));
  return formats.get(key).format(at);
}

export const clock = (at) => format(at, { hour: "numeric", minute: "2-digit", hourCycle });
export const exact = (at) => format(at, { dateStyle: "full", timeStyle: "medium", hourCycle });
export const dateAndTime = (at) => format(at, { dateStyle: "medium", timeStyle: "short", hourCycle });
export const isoOf = (at) => new Date(at).toISOString();

/** A day of the reader's calendar, for comparisons. */
export function dayOf(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** The same as the value of a date field: `2026-05-03`. */
export function isoDay(at) {
  const date = new Date(at);
  const [year, month, day] = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(String);
  return `${year.padStart(4, "0")}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
}

/** The start of a day of the reader's calendar (`2026-05-03`), or of the day so many `days` after it. */
export function dayStart(day, days = 0) {
  const [year, month, date] = day.split("-").map(Number);
  return Math.max(0, new Date(year, month - 1, date + days).getTime());
}

/** "Friday, 3 May", with the year if it isn't the current one. */
export function dayName(at, now = Date.now()) {
  const isThisYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return format(at, { weekday: "long", day: "numeric", month: "long", ...(isThisYear ? {} : { year: "numeric" }) });
}

/** Calls `onTick` with the whole seconds until `until` (of `kit/elapsed.js`), now and every second, down to 0. Returns a function that stops it. */
export function countdown(until, onTick) {
  let timer = null;
  function tick() {
    const left = until - now();
    onTick(Math.max(0, Math.ceil(left / 1000)));
    if (left > 0) timer = setTimeout(tick, left % 1000 || 1000);
  }
  tick();
  return () => clearTimeout(timer);
}
