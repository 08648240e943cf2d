/**
 * A connection over HTTP, for networks that block WebSockets: events by a stream or by polls, commands by POST.
 *
 * A stream or poll that is cut after it had worked is begun again at once, and resumes. Only if that fails, the connection is lost.
 */
import { now } from "../../kit/elapsed.js";
import { makeUuid } from "../../kit/uuid.js";
import { eventsOf, farewellOf } from "./answers.js";
import { Sender } from "./sender.js";
import { inTurn, takeSlot } from "./slots.js";
import { readStream } from "./stream.js";

const FIRST_MS = 5_000; // For a stream's first event. A proxy that collects whole answers never passes it on.
const POLL_SECONDS = 3; // A proxy may keep the poll of a client that is gone. Then the server notices it so much later.
const ANSWER_MS = 10_000; // For a poll's answer, beyond the time that the server was given.
const ALIVE_SECONDS = 13; // Three pulses: a client without a network is gone then.
const SHORT_MS = 1_000; // A stream that was cut sooner isn't begun again at once.

/**
 * Opens a stream, or polls: also for `kind` "stream", while too many other tabs have streams.
 *
 * @param {"stream" | "poll"} kind
 * @param {Page.Line} line
 * @returns {Page.Transport}
 */
export function openHTTP(kind, line) {
  const ending = new AbortController();
  const { signal } = ending;
  let session = makeUuid();
  let free = null; // Frees this tab's slot.
  let hasHeard = false;
  let isLeft = false; // The session was ended because the page is left, or in the browser's cache.
  let shown = Promise.resolve(); // Pending meanwhile.
  const ended = { heard: line.heard, lost: end };
  const post = (body, limit) => ask("commands", { session }, { method: "POST", body, signal: limit });
  const sender = new Sender(post, ended, signal);
  addEventListener("pagehide", leave, { signal });
  /** @type {Page.Transport} */
  const transport = { kind, send: (command) => sender.send(command), close: quit };
  run();
  return transport;

  async function run() {
    free = await takeSlot();
    if (signal.aborted) return free?.();
    if (kind === "stream" && !free) transport.kind = "poll";
    if (transport.kind === "poll") transport.silence = POLL_SECONDS + ANSWER_MS / 1000;
    let isRetry = false;
    while (!signal.aborted) {
      await shown;
      isLeft = false;
      const began = now();
      const how = await (transport.kind === "stream" ? stream() : poll()).catch(({ how }) => how ?? "refused");
      if (signal.aborted) return;
      if (how && !isLeft) {
        const worked = transport.kind === "stream" ? how === "cut" && now() - began > SHORT_MS : hasHeard && !isRetry;
        if (!worked || !navigator.onLine) return end(1006, how);
        if (transport.kind === "poll") session = makeUuid(); // The server may have sent what this client didn't get.
      }
      isRetry = Boolean(how) && !isLeft;
    }
  }

  /** Resolves to how the stream ended, if it ended without a word of the server. */
  async function stream() {
    const first = new AbortController();
    const timer = setTimeout(() => first.abort(), FIRST_MS);
    let isOpen = false;
    try {
      const query = { ...joining(), session, alive: ALIVE_SECONDS };
      const response = await ask("events", query, { signal: AbortSignal.any([signal, first.signal]) });
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) return await refuse(response);
      await readStream(response, (frame) => {
        clearTimeout(timer);
        isOpen = true;
        take(frame);
        if (frame.some(({ type }) => type === "pulse")) sender.ping();
      });
    } catch (/** @type {any} */ error) {
      throw Object.assign(error, { how: isOpen ? "cut" : first.signal.aborted ? "silent" : error.how });
    } finally {
      clearTimeout(timer);
    }
    return isOpen ? "cut" : "refused";
  }

  async function poll() {
    free ??= await takeSlot();
    if (signal.aborted) return free?.();
    if (free) await pollFor(POLL_SECONDS);
    else await inTurn(pollFor, signal);
  }

  async function pollFor(wait) {
    const limit = AbortSignal.timeout(wait * 1000 + ANSWER_MS);
    const query = { ...joining(), session, poll: 1, wait };
    const response = await ask("events", query, { signal: AbortSignal.any([signal, limit]) });
    if (!response.ok) return refuse(response);
    const events = await eventsOf(response);
    if (!events) throw new Error("Expected an array of events from a poll");
    take(events);
  }

  function take(events) {
    if (signal.aborted) return;
    hasHeard = true;
    line.heard(events);
    const farewell = farewellOf(events);
    if (farewell?.code) end(farewell.code, "cut");
  }

  /** Handles the answer to a request that isn't answered with events. */
  async function refuse(response) {
    const events = await eventsOf(response);
    if (signal.aborted) return;
    const farewell = events && farewellOf(events);
    if (!events) throw new Error(`Expected events, but got ${response.status}`);
    line.heard(farewell && farewell !== events.at(-1) ? [farewell] : events);
    end(farewell?.code ?? (response.status === 400 ? 4400 : 1006), "cut");
  }

  function ask(path, fields, options) {
    const { httpURL, token } = line.identity();
    const url = `${httpURL}/${encodeURIComponent(line.room)}/${path}?${new URLSearchParams(fields)}`;
    return fetch(url, { ...options, headers: { Authorization: `Bearer ${token}` }, cache: "no-store", credentials: "same-origin" });
  }

  /** The fields of `join`, as a query has them. */
  function joining() {
    const { name, v, away, since } = line.join();
    const { log, version, ...rest } = since ?? {};
    const fields = { name, v, ...(away && { away: 1 }), ...(log && { since: `${log}:${version}`, ...rest }) };
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
  }

  /**
   * Ends the session of a page that is left: a proxy may keep its request. The token needs a header, which `sendBeacon` can't send.
   * A page that comes back from the browser's cache begins a new session.
   */
  function leave() {
    const limit = AbortSignal.timeout(ANSWER_MS);
    ask("events", { session }, { method: "DELETE", keepalive: true, signal: limit }).catch(() => {});
    session = makeUuid();
    isLeft = true;
    shown = new Promise((back) => addEventListener("pageshow", () => back(), { signal, once: true }));
  }

  /** Ends the session from outside, as for another room. */
  function quit() {
    if (!signal.aborted && navigator.onLine) leave();
    close();
  }

  function end(code, how) {
    if (signal.aborted) return;
    close();
    line.lost(code, how);
  }

  function close() {
    ending.abort();
    free?.();
  }
}
