/** Tries better transports while a worse one is in use, by a second connection, so that nobody notices a failure. */
const FIRST_MS = 5_000; // The server may have been the reason for the change. Then the page shall not stay there.
const AGAIN_MS = 600_000;
const ANSWER_MS = 10_000;
const HOLD_MS = 25_000; // Longer than a connection lives where they are cut "again and again".

export class Upward {
  #choice;
  #isOn = false;
  #open;
  #rise;
  /** @type {any} */
  #timer = null;
  /** Ends the second connection. @type {((result: boolean | null) => unknown) | null} */
  #end = null;

  /** `open(kind, {heard, lost})` opens a connection. `rise(kind)` is called once one of a better kind has worked for a while. */
  constructor(choice, open, rise) {
    this.#choice = choice;
    this.#open = open;
    this.#rise = rise;
  }

  /** The network may be another one: whether something better is to be tried soon, by a page that is connected. */
  doubt() {
    this.#choice.isRemembered = false;
    if (this.#isOn) this.begin();
    return this.#isOn;
  }

  /** A connection has joined. */
  begin(wait = this.#choice.isRemembered ? AGAIN_MS : FIRST_MS) {
    this.stop();
    this.#isOn = true;
    if (this.#choice.better.length) this.#timer = setTimeout(() => this.#look(), wait);
  }

  stop() {
    this.#isOn = false;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#end?.(null);
  }

  async #look() {
    for (const kind of this.#choice.better) {
      const isGood = await this.#works(kind);
      if (isGood === null) return;
      if (isGood) return this.#rise(kind);
    }
    this.#choice.confirm();
    this.begin(AGAIN_MS);
  }

  /** Whether a connection of this kind holds; null if it was stopped. */
  #works(kind) {
    return new Promise((resolve) => {
      let timer = setTimeout(() => end(false), ANSWER_MS);
      const end = (result) => {
        clearTimeout(timer);
        if (this.#end !== end) return;
        this.#end = null;
        probe.close();
        resolve(result);
      };
      this.#end = end;
      const heard = (events) => {
        if (!events.some(({ type }) => type === "welcome") || this.#end !== end) return;
        clearTimeout(timer);
        timer = setTimeout(() => end(probe.kind === kind), HOLD_MS); // Without a free slot, a stream becomes polls.
      };
      const probe = this.#open(kind, { heard, lost: () => end(false) });
    });
  }
}
