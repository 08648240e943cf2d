/** Reads a stream of server-sent events with `fetch`. `EventSource` can't send the token in a header. */
import { parse } from "./websocket.js";

/** Calls `heard(events)` for each frame. Returns when the stream ends. */
export async function readStream(response, heard) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (text + value).split(/\r?\n\r?\n/);
    text = /** @type {string} */ (parts.pop());
    for (const part of parts) {
      const data = part.split(/\r?\n/).filter((line) => line.startsWith("data:"));
      if (data.length) heard(parse(data.map((line) => line.slice(5).trimStart()).join("\n")));
    }
  }
}
