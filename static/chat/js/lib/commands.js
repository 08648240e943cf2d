/** What a written line asks for: something to say, or a command. The server knows one of them, `/me`; the rest is the page's. */
const COMMAND = /^\/([a-z]+)(?:\s+([^]*))?$/i;
const SPARED = /^\/\/[a-z]+(?:\s|$)/i;
const ACTION = /^\/me[ \t]+(?=\S)/;

/** `{kind, text}`: `say` with what to send, `nick`, `help`, or `unknown` with the word. `//word` says `/word`. */
export function readCommand(written) {
  // The server itself takes a slash off `//me`.
  if (SPARED.test(written)) return { kind: "say", text: /^\/\/me\b/.test(written) ? written : written.slice(1) };
  const [, word, rest = ""] = COMMAND.exec(written) ?? [];
  if (!word || ACTION.test(written)) return { kind: "say", text: written };
  if (word === "nick" || word === "help") return { kind: word, text: rest.trim() };
  return { kind: "unknown", text: `/${word}` };
}

/** What somebody does who says `/me does`; null for any other body. */
export function actionOf(body) {
  return ACTION.test(body) ? body.replace(ACTION, "") : null;
}
