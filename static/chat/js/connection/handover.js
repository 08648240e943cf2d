/**
 * What the connection of one room leaves to that of the next one, when the page goes to another room: the open transport, if it can go there, the
 * choice of transports, and the database's epoch.
 */

/** @type {{choice: any, transport: Page.Transport | null, epoch: string | null} | null} */
let left = null;

export function leaveConnection(connection) {
  left = connection;
}

/** Takes what was left, so that it is used once. */
export function takeConnection() {
  const taken = left;
  left = null;
  return taken;
}
