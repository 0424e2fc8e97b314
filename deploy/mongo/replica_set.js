// Makes the replica set of the hosts in MEMBERS (comma list), once; run again it changes nothing.
// Ends when the set has a primary that takes writes. For mongosh, on any of the members.

const NOT_YET_INITIALIZED = 94;
const DEADLINE_MS = 60_000;
const PAUSE_MS = 500;

try {
  rs.status();
} catch (error) {
  if (error.code !== NOT_YET_INITIALIZED) throw error;
  const members = process.env.MEMBERS.split(",").map((host, _id) => ({ _id, host }));
  rs.initiate({ _id: "order-chat", members });
}

const deadline = Date.now() + DEADLINE_MS;
while (!rs.status().members.some((member) => member.stateStr === "PRIMARY")) {
  if (Date.now() > deadline) throw new Error("the replica set has no primary");
  sleep(PAUSE_MS);
}
