/** The commands that this connection is to answer, each until it is answered. */
const ANSWER_SECONDS = 10; // On a living connection. The server gives up sooner.

export class Requests {
  #send;
  #isJoined = false;
  #isStopped = false;
  #count = 0;
  /** By the command's id, in the order of asking. */
  #open = new Map();

  /** `send(command)` puts it on the wire. */
  constructor(send) {
    this.#send = send;
  }

  /**
   * Takes a command, and how it is asked (docs/front-end.md).
   * @param {Readonly<Page.Request>} asked
   */
  take({ command, answered, signal, offline = "say", seconds = ANSWER_SECONDS, progress }) {
    if (!answered) {
      if (this.#isJoined) this.#send(command);
      return;
    }
    const nonce = command.type === "post" ? command.nonce : null; // Its answer is the message, which has it.
    const id = nonce ?? command.id ?? String(++this.#count);
    this.#end(id); // The same member is banned otherwise: the later command counts.
    this.#open.set(id, { command: nonce ? command : { ...command, id }, answered, offline, seconds, progress, timer: null });
    signal?.addEventListener("abort", () => this.#end(id));
    if (this.#isJoined) this.#go(id);
    else this.#wait(id);
  }

  /** The connection takes commands from now on. Those that waited are sent when `resume` is called. */
  join() {
    this.#isJoined = true;
  }

  resume() {
    for (const [id, { timer }] of this.#open) if (!timer) this.#go(id);
  }

  /** Nobody knows whether what was sent is carried out. `isStopped`: there won't be another connection. */
  lose(isStopped) {
    if (!this.#isJoined && !isStopped) return;
    this.#isJoined = false;
    this.#isStopped = isStopped;
    for (const id of this.#open.keys()) this.#wait(id);
  }

  /** Takes an event and calls the request that it answers. */
  settle(answer) {
    const id = answer.re ?? answer.nonce;
    const request = this.#open.get(id);
    if (!request) return;
    this.#end(id);
    try {
      request.answered(answer);
    } catch (error) {
      reportError(error);
    }
  }

  close() {
    for (const id of this.#open.keys()) this.#end(id);
  }

  #go(id) {
    const request = this.#open.get(id);
    request.timer = setTimeout(() => this.#refuse(id, "late"), request.seconds * 1000);
    this.#send(request.command);
    request.progress?.(true);
  }

  #wait(id) {
    const request = this.#open.get(id);
    clearTimeout(request.timer);
    request.timer = null;
    if (request.offline === "later" && !this.#isStopped) request.progress?.(false);
    else queueMicrotask(() => this.#open.get(id) === request && this.#refuse(id, "offline")); // Not before `take` has returned.
  }

  #refuse(id, code) {
    this.settle({ type: "refused", code, re: id });
  }

  #end(id) {
    clearTimeout(this.#open.get(id)?.timer);
    this.#open.delete(id);
  }
}
