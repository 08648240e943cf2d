/** What was asked of the server, until it is answered. An answer that takes longer isn't coming; asking again is harmless. */
export class Question {
  #patience;
  #tell;
  #timer = null;
  asked = null;

  /** `tell(isOpen)` is called when something is asked, and when that has ended. */
  constructor(milliseconds, tell = () => {}) {
    this.#patience = milliseconds;
    this.#tell = tell;
  }

  ask(what) {
    this.end();
    this.asked = what;
    this.#timer = setTimeout(() => this.end(), this.#patience);
    this.#tell(true);
  }

  end() {
    if (this.asked === null) return;
    clearTimeout(this.#timer);
    this.asked = null;
    this.#tell(false);
  }
}
