"use strict";
// The chat that Chatty is measured against: Socket.IO as its own documentation sets it up, one process, the Redis
// adapter, WebSocket only unless TRANSPORTS says `polling`. Nothing is written to disk: a room's newest messages are an array in memory.
//   PORT=8000 REDIS_URL=redis://127.0.0.1:6379/0 node server.js

const { randomUUID } = require("node:crypto");
const { createServer } = require("node:http");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const { Server } = require("socket.io");

const NEWEST = 50; // Messages and listed members that a join is answered with, as many as Chatty's.
const LISTED = 500;

const rooms = new Map();

function open(name) {
  let room = rooms.get(name);
  if (!room) {
    room = { members: new Map(), messages: [], seq: 0 };
    rooms.set(name, room);
  }
  return room;
}

function first(members, limit) {
  const listed = [];
  for (const member of members.values()) {
    if (listed.length === limit) break;
    listed.push(member);
  }
  return listed;
}

async function main() {
  const pubClient = createClient({ url: process.env.REDIS_URL });
  const subClient = pubClient.duplicate();
  for (const client of [pubClient, subClient]) {
    client.on("error", (error) => console.error("redis:", error.message));
  }
  await Promise.all([pubClient.connect(), subClient.connect()]);

  const httpServer = createServer((request, response) => response.end("ok"));
  const transports = [process.env.TRANSPORTS || "websocket"];
  const io = new Server(httpServer, { adapter: createAdapter(pubClient, subClient), transports });

  // From "Memory usage" in Socket.IO's documentation: the first request need not be kept.
  io.engine.on("connection", (rawSocket) => {
    rawSocket.request = null;
  });

  io.on("connection", (socket) => {
    let room = null;
    let name = "";
    let me = null;

    socket.on("join", (wish, answer) => {
      if (me || typeof answer !== "function" || typeof wish?.room !== "string" || typeof wish?.name !== "string") return;
      name = wish.room;
      room = open(name);
      me = { id: socket.id, name: wish.name };
      room.members.set(me.id, me);
      socket.join(name);
      // `quiet` fills a room for a measurement that isn't about joins.
      if (!wish.quiet) socket.to(name).emit("joined", { member: me, online: room.members.size });
      answer({ me, online: room.members.size, members: first(room.members, LISTED), messages: room.messages });
    });

    socket.on("post", (post) => {
      if (!me || typeof post?.body !== "string" || !post.body.trim() || post.body.length > 4000) return;
      const message = { seq: ++room.seq, nonce: randomUUID(), author: me, body: post.body, at: Date.now() };
      room.messages.push(message);
      if (room.messages.length > NEWEST) room.messages.shift();
      io.to(name).emit("message", message);
    });

    socket.on("disconnect", () => {
      if (!me) return;
      room.members.delete(me.id);
      if (room.members.size) socket.to(name).emit("left", { id: me.id, online: room.members.size });
      else rooms.delete(name);
    });
  });

  httpServer.listen(Number(process.env.PORT), "127.0.0.1");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
