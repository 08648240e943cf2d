/** Parses a line of the composer: a message or a command. The server knows only `/me`; the page handles the others. */
const COMMAND = /^\/([a-z]+)(?:\s+([\s\S]*))?$/i;
const SPARED = /^\/\/[a-z]+(?:\s|$)/i;
const ACTION = /^\/me[ \t]+(?=\S)/;

/**
 * `{kind, text}`: `say` with what to send, `nick`, `help`, `incomplete` where `/me` says nothing, or `unknown` with the word. `//word` says
 * `/word`. Keyboards of phones begin with a capital, so case makes no difference.
 */
export function readCommand(written) {
  // The server itself takes a slash off `//me`.
  if (SPARED.test(written)) return { kind: "say", text: /^\/\/me\b/.test(written) ? written : written.slice(1) };
  const [, name, rest = ""] = COMMAND.exec(written) ?? [];
  if (!name || ACTION.test(written)) return { kind: "say", text: written };
  const word = name.toLowerCase();
  const text = rest.trim();
  if (word === "me") return text ? { kind: "say", text: `/me ${text}` } : { kind: "incomplete", text };
  if (word === "nick" || word === "help") return { kind: word, text };
  return { kind: "unknown", text: `/${name}` };
}

/** What somebody does who says `/me does`; null for any other body. */
export function actionOf(body) {
  return ACTION.test(body) ? body.replace(ACTION, "") : null;
}
