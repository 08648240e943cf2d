/** The pending commands of this connection, each until it is answered. */
const ANSWER_SECONDS = 10; // On an open connection. The server gives up sooner.

export class Requests {
  #send;
  #isJoined = false;
  #isStopped = false;
  #count = 0;
  /** By the command's id, in the order of sending. */
  #open = new Map();

  /** `send(command)` writes to the socket. */
  constructor(send) {
    this.#send = send;
  }

  /**
   * Sends a command, with the options of docs/front-end.md.
   * @param {Readonly<Page.Request>} asked
   */
  take({ command, answered, signal, offline = "say", seconds = ANSWER_SECONDS, progress }) {
    if (!answered) {
      if (this.#isJoined) this.#send(command);
      return;
    }
    const nonce = command.type === "post" ? command.nonce : null; // Its answer is the message with this nonce.
    const id = nonce ?? command.id ?? String(++this.#count);
    this.#end(id); // A second ban of the same member replaces the first.
    this.#open.set(id, { command: nonce ? command : { ...command, id }, answered, offline, seconds, progress, timer: null });
    signal?.addEventListener("abort", () => this.#end(id));
    if (this.#isJoined) this.#go(id);
    else this.#wait(id);
  }

  /** Marks the connection as joined: later commands are sent. `resume` sends the waiting ones. */
  join() {
    this.#isJoined = true;
  }

  resume() {
    for (const [id, { timer }] of this.#open) if (!timer) this.#go(id);
  }

  /** Handles a lost connection: sent commands may or may not be executed. `isStopped`: it won't reconnect. */
  lose(isStopped) {
    if (!this.#isJoined && !isStopped) return;
    this.#isJoined = false;
    this.#isStopped = isStopped;
    for (const id of this.#open.keys()) this.#wait(id);
  }

  /** Passes an event to the request that it answers. */
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
    else queueMicrotask(() => this.#open.get(id) === request && this.#refuse(id, "offline")); // After `take` has returned.
  }

  #refuse(id, code) {
    this.settle({ type: "refused", code, re: id });
  }

  #end(id) {
    clearTimeout(this.#open.get(id)?.timer);
    this.#open.delete(id);
  }
}
