/** The commands of a dialog: one at a time, with the reason where one is refused. */

/**
 * Returns `{ask, cancel}`. `ask(command, take)` sends a command unless another one isn't answered yet, and calls `take` with the answer.
 *
 * `send(command, answered)` returns a function that cancels the request. `say(key)` shows one of the dialog's words: `refused-<code>`, or `refused`
 * if the dialog has none for the code; null removes what was shown.
 * @param {(command: Wire.Command, answered: (answer: Wire.Outcome) => unknown) => () => void} send
 * @param {(key: string | null) => void} say
 * @param {(key: string) => boolean} has
 */
export function oneRequest(send, say, has) {
  /** @type {(() => void) | null} */
  let callOff = null;

  /** @param {Wire.Command} command */
  function ask(command, take) {
    if (callOff) return;
    say(null);
    callOff = send(command, (answer) => {
      callOff = null;
      if (answer.type !== "refused") take(answer);
      else say(has(`refused-${answer.code}`) ? `refused-${answer.code}` : "refused");
    });
  }

  function cancel() {
    callOff?.();
    callOff = null;
  }

  return { ask, cancel };
}
