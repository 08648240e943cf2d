/** Parses a line of the composer: a message or a command. The server knows only `/me`; the page handles the others. */
const COMMAND = /^\/([a-z]+)(?:\s+([\s\S]*))?$/i;
const SPARED = /^\/\/[a-z]+(?:\s|$)/i;
const ACTION = /^\/me[ \t]+(?=\S)/;

/**
 * Returns `{kind, text}`: `say` with the text to send, `nick`, `help`, `incomplete` for `/me` without a text, or `unknown` with the word.
 * `//word` sends `/word`. Case doesn't matter, because keyboards of phones begin with a capital.
 */
export function readCommand(written) {
  // The server itself removes a slash from `//me`.
  if (SPARED.test(written)) return { kind: "say", text: /^\/\/me\b/.test(written) ? written : written.slice(1) };
  const [, name, rest = ""] = COMMAND.exec(written) ?? [];
  if (!name || ACTION.test(written)) return { kind: "say", text: written };
  const word = name.toLowerCase();
  const text = rest.trim();
  if (word === "me") return text ? { kind: "say", text: `/me ${text}` } : { kind: "incomplete", text };
  if (word === "nick" || word === "help") return { kind: word, text };
  return { kind: "unknown", text: `/${name}` };
}

/** The action of a `/me` body: "waves" for `/me waves`. Null for any other body. */
export function actionOf(body) {
  return ACTION.test(body) ? body.replace(ACTION, "") : null;
}
