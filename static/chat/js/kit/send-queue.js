/**
 * Sends entries one at a time and in order, each until it is answered. Entries survive lost connections, reloads and the end of their
 * tab (kept-work.js). After a lost answer an entry is sent again, so repeating it must be harmless.
 *
 * An entry is `{at, state, retryAt?, code?, ...}`; `state` is `sending` or `failed`, `retryAt` a time of elapsed.js.
 */
import { now } from "./elapsed.js";
import { inOrder, openKept } from "./kept-work.js";

const TEMPORARY = new Set(["rate_limited", "unavailable"]);
const RETRY_SECONDS = 2; // For a temporary refusal without a time.

export class SendQueue {
  #kept;
  #idOf;
  #handlers;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Oldest first. @type {any[]} */
  entries;
  /** The id of the entry that is on its way. @type {string | null} */
  sent = null;
  #callOff = () => {};

  /**
   * A queue for entries of one kind in a room. `idOf(entry)` is an entry's id.
   *
   * `asFound(entry)` converts an entry that another page has left. `send(entry, answered)` sends it and returns a function that cancels the
   * request. `changed(concerned)` is called when entries have changed, `adopted()` when entries of a closed tab were taken over, and
   * `refused(entry, refusal)` when the server refuses one.
   */
  constructor(kind, room, idOf, { asFound, send, changed, adopted = () => {}, refused = (entry, refusal) => this.refuse(idOf(entry), refusal) }) {
    this.#idOf = idOf;
    this.#handlers = { asFound, send, changed, adopted, refused };
    this.#kept = openKept(kind, room, idOf, { adopt: (left) => this.#adopt(left), drop: (id) => this.remove([id]) });
    this.entries = this.#kept.own.map(asFound);
  }

  get(id) {
    return this.entries.find((entry) => this.#idOf(entry) === id);
  }

  change(entries, concerned) {
    this.entries = entries;
    this.#kept.keep(entries);
    this.#handlers.changed(concerned);
  }

  replace(id, changes) {
    const entries = this.entries.map((entry) => (this.#idOf(entry) === id ? { ...entry, ...changes } : entry));
    this.change(entries, entries.filter((entry) => this.#idOf(entry) === id));
  }

  /** Removes finished entries and sends the next one. */
  remove(ids) {
    if (!ids.length) return;
    const isDone = (entry) => ids.includes(this.#idOf(entry));
    this.change(this.entries.filter((entry) => !isDone(entry)), this.entries.filter(isDone));
    if (ids.includes(this.sent)) this.sendNext();
  }

  /** Handles a refusal: retries later if it is temporary, otherwise the entry has failed. */
  refuse(id, { code, retry_after: seconds = RETRY_SECONDS }, changes = {}) {
    if (TEMPORARY.has(code)) this.replace(id, { ...changes, retryAt: now() + seconds * 1000 });
    else this.replace(id, { ...changes, state: "failed", code });
    if (id === this.sent) this.sendNext();
  }

  sendNext() {
    this.#callOff();
    this.sent = null;
    this.flush();
  }

  /** Sends the oldest waiting entry, unless one is on its way. */
  flush() {
    const next = this.entries.find((entry) => entry.state === "sending");
    if (this.sent || !next) return;
    clearTimeout(this.#timer);
    const wait = (next.retryAt ?? 0) - now();
    if (wait > 0) {
      this.#timer = setTimeout(() => this.flush(), wait);
      return;
    }
    this.sent = this.#idOf(next);
    this.#callOff = this.#handlers.send(next, (answer) => this.#answered(answer));
  }

  #answered(answer) {
    if (answer.type !== "refused") this.remove([this.sent]);
    else if (answer.code === "late") this.sendNext();
    else if (answer.code === "offline") this.sent = null; // The next welcome flushes.
    else this.#handlers.refused(this.get(this.sent), answer);
  }

  close() {
    this.#kept.close();
    this.#callOff();
    clearTimeout(this.#timer);
  }

  #adopt(left) {
    const found = left.map(this.#handlers.asFound);
    this.change(inOrder([...this.entries, ...found]), found);
    this.#handlers.adopted();
    this.flush();
  }
}
