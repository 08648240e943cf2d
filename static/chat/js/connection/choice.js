/**
 * Which transport the page uses: WebSocket, else a stream, else polls.
 *
 * Only failures of which the server says nothing count: the network may have caused them. What worked instead is remembered for this browser, for a
 * day at most, once a WebSocket has failed again (`upward.js`): the server may have been the reason.
 */
import { now } from "../kit/elapsed.js";
import { openStore } from "../kit/store.js";
import { openHTTP } from "./transports/http.js";
import { openWebSocket } from "./transports/websocket.js";

const KEY = "transport";
const DAY_MS = 86_400_000;
const REFUSALS = 2; // WebSockets that didn't open, in a row.
const CUTS = 3; // WebSockets that ended soon after they had opened, in a row.
const SHORT_MS = 20_000;
const LOST = new Set([1000, 1005, 1006]); // What a browser reports if no server said why.
/** From the best to the worst. */
const KINDS = ["websocket", "stream", "poll"];

export class Choice {
  #store = openStore("localStorage");
  #began = 0;
  #refusals = 0;
  #cuts = 0;
  isRemembered = false;
  kind = "websocket";

  constructor() {
    const { kind, at } = this.#store.get(KEY) ?? {};
    const age = Date.now() - at;
    if (!KINDS.includes(kind) || !(age >= 0 && age < DAY_MS)) return;
    this.kind = kind;
    this.isRemembered = kind !== "websocket";
  }

  /** The kinds that are better than the present one. */
  get better() {
    return KINDS.slice(0, KINDS.indexOf(this.kind));
  }

  /**
   * Opens a connection of the present kind, or goes to another room by the one that the former room has left.
   * @param {Page.Line} line
   * @param {Page.Transport | null} [left]
   */
  begin(line, left = null) {
    this.#began = now();
    if (!left?.move) return this.open(this.kind, line);
    left.move(line);
    return left;
  }

  /**
   * @param {string} kind
   * @param {Page.Line} line
   * @returns {Page.Transport}
   */
  open(kind, line) {
    return kind === "websocket" ? openWebSocket(line) : openHTTP(/** @type {"stream" | "poll"} */ (kind), line);
  }

  /**
   * Learns from the loss of the connection that `begin` opened. Returns whether another transport is to be tried next.
   *
   * @param {Page.Loss} how
   */
  lost(code, how) {
    if (!LOST.has(code) || !navigator.onLine) return false;
    const before = this.kind;
    const isShort = now() - this.#began < SHORT_MS;
    const isCut = how === "cut" || how === "stalled";
    const isStalled = how === "stalled" && isShort; // Later, the machine may have slept.
    if (this.kind === "websocket") {
      if (isCut) this.#cuts = isShort ? this.#cuts + 1 : 0;
      this.#refusals = how === "refused" ? this.#refusals + 1 : 0;
      if (how === "silent" || this.#refusals >= REFUSALS || this.#cuts >= CUTS) this.kind = "stream";
    } else if (this.kind === "stream" && (how === "silent" || isStalled)) {
      this.kind = "poll";
    } else if (!isCut) {
      this.kind = "websocket"; // Nothing works. Probably the server is gone.
      this.#refusals = REFUSALS - 1;
      this.#cuts = 0;
    }
    return this.kind !== before;
  }

  /** Every better kind has just failed. */
  confirm() {
    this.isRemembered = true;
    this.#store.set(KEY, { kind: this.kind, at: Date.now() });
  }

  /** A better kind has just worked. */
  rise(kind) {
    this.kind = kind;
    this.#refusals = this.#cuts = 0;
    this.isRemembered = false;
    this.#store.remove(KEY);
  }
}
