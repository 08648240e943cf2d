/** Sends commands by POST, in order: one request at a time, with all commands that wait, up to the protocol's limit. */
import { now } from "../../kit/elapsed.js";
import { eventsOf, farewellOf } from "./answers.js";

const BATCH = 20; // The protocol's limit.
const ANSWER_MS = 20_000;
const PAUSE_SECONDS = 2; // Before a request that the server had no time for is sent again, if it doesn't say how long.
const QUIET_MS = 4_000;

export class Sender {
  #post;
  #line;
  #signal;
  #waiting = [];
  #isBusy = false;
  #sentAt = now();

  /** `post(body, signal)` sends a request. `signal` ends everything. */
  constructor(post, line, signal) {
    this.#post = post;
    this.#line = line;
    this.#signal = signal;
  }

  send(command) {
    this.#waiting.push(command);
    if (this.#isBusy) return;
    this.#isBusy = true;
    queueMicrotask(() => this.#flush());
  }

  /** Shows the server that this client lives, if nothing else did so lately. */
  ping() {
    if (!this.#isBusy && now() - this.#sentAt > QUIET_MS) this.#request([]);
  }

  async #flush() {
    while (this.#waiting.length && !this.#signal.aborted) {
      const batch = this.#waiting.splice(0, BATCH);
      const pause = await this.#request(batch);
      if (!pause) continue;
      this.#waiting.unshift(...batch.filter(({ id, nonce }) => id ?? nonce)); // Nobody awaits an answer to the others.
      await new Promise((go) => setTimeout(go, pause * 1000));
    }
    this.#isBusy = false;
  }

  /** Resolves to the seconds after which the same commands shall be sent again, or 0. */
  async #request(batch) {
    this.#sentAt = now();
    try {
      const body = JSON.stringify(batch.length === 1 ? batch[0] : batch);
      const response = await this.#post(body, AbortSignal.any([this.#signal, AbortSignal.timeout(ANSWER_MS)]));
      const events = await eventsOf(response);
      if (this.#signal.aborted) return 0;
      if (!events) {
        this.#line.lost(1006, "cut"); // It is a proxy's answer.
        return 0;
      }
      const farewell = farewellOf(events);
      if (farewell && farewell.code !== 4008 && farewell.code !== 1013) this.#leave(farewell);
      else if (batch.length && isWhole(response, events)) return events[0].retry_after ?? PAUSE_SECONDS;
      else this.#line.heard(events);
    } catch {
      if (!this.#signal.aborted) this.#line.lost(1006, "cut");
    }
    return 0;
  }

  #leave(farewell) {
    this.#line.heard([farewell]);
    this.#line.lost(farewell.code, "cut");
  }
}

/** Whether the server refused the request itself, so that none of its commands was carried out. */
function isWhole({ status }, events) {
  const first = events[0];
  return (status === 429 || status === 503) && first?.type === "refused" && !first.re && !first.nonce && first.seq === undefined;
}
