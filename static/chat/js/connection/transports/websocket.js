/** A connection by WebSocket. */
import { makeUuid } from "../../kit/uuid.js";

/**
 * @param {Page.Line} first The room's, until a `move` to that of another one.
 * @returns {Page.Transport}
 */
export function openWebSocket(first) {
  let line = first;
  let awaited = null; // The id of a `move` without an answer. What comes before that is of the former room.
  let socket = open();

  function open() {
    const opened = new WebSocket(`${line.identity().socketURL}/${encodeURIComponent(line.room)}`);
    let isOpen = false;
    opened.onopen = () => {
      isOpen = true;
      send(line.join());
    };
    opened.onmessage = ({ data }) => opened === socket && hear(parse(data));
    opened.onclose = ({ code }) => opened === socket && line.lost(code, isOpen ? "cut" : "refused");
    return opened;
  }

  function hear(frame) {
    const at = awaited ? frame.findIndex(({ type, re }) => re === awaited || type === "bye") : 0;
    if (at < 0) return;
    if (frame[at]?.re === awaited && frame[at]?.type === "refused") return openAnew();
    if (frame[at]?.re === awaited) awaited = null;
    line.heard(frame.slice(at));
  }

  /** Goes to another room by the same connection, which takes one round trip. */
  function move(next) {
    line = next;
    if (socket.readyState !== WebSocket.OPEN) return openAnew();
    awaited = makeUuid();
    const { since, away } = line.join();
    send({ type: "move", id: awaited, room: line.room, ...(since && { since }), ...(away && { away }) });
  }

  function openAnew() {
    awaited = null;
    const former = socket;
    socket = open();
    former.close();
  }

  function send(command) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(command));
  }

  return { kind: "websocket", send, move, close: () => socket.close() };
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
