// Rooms on Socket.IO with its Redis adapter: node server.js PORT REDIS_URL
"use strict";

const { once } = require("node:events");
const { createServer } = require("node:http");
const { createAdapter } = require("@socket.io/redis-adapter");
const { Redis } = require("ioredis");
const { Server } = require("socket.io");

const [port, redisUrl] = process.argv.slice(2);

async function main() {
  // Not `redis` 6.3: under full load its publications waited unsent until they timed out after 5 s,
  // which nobody catches, and the process ended.
  const publisher = new Redis(redisUrl);
  const subscriber = publisher.duplicate();
  await Promise.all([once(publisher, "ready"), once(subscriber, "ready")]);

  const server = createServer();
  const io = new Server(server, {
    adapter: createAdapter(publisher, subscriber),
    transports: ["websocket"],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
  });

  // As the makers' page on performance advises: the request of the handshake is not kept.
  io.engine.on("connection", (connection) => {
    connection.request = null;
  });

  io.on("connection", (socket) => {
    socket.on("join", ({ order, user }, joined) => {
      socket.data.user = user;
      socket.join(order);
      joined();
    });
    socket.on("send", ({ order, text }) => {
      if (socket.rooms.has(order)) {
        io.to(order).emit("message", { order, by: socket.data.user, text });
      }
    });
  });

  server.listen(Number(port), "127.0.0.1");
}

main();
