/** A connection by WebSocket. */

/**
 * @param {Page.Line} line
 * @returns {Page.Transport}
 */
export function openWebSocket({ identity, room, join, heard, lost }) {
  const socket = new WebSocket(`${identity().socketURL}/${encodeURIComponent(room)}`);
  let isOpen = false;
  socket.onopen = () => {
    isOpen = true;
    send(join());
  };
  socket.onmessage = ({ data }) => heard(parse(data));
  socket.onclose = ({ code }) => lost(code, isOpen ? "cut" : "refused");

  function send(command) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
  }

  return { kind: "websocket", send, close: () => socket.close() };
}

/** The events in a frame. None if it isn't an array of objects. */
export function parse(data) {
  try {
    const frame = JSON.parse(data);
    if (Array.isArray(frame)) return frame.filter((event) => event && typeof event === "object");
  } catch {
    // Reported below, like other frames that aren't arrays.
  }
  reportError(new Error("Expected a JSON array of events, but got another frame"));
  return [];
}
