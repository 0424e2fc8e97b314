// A moderation consumer, to copy: it takes messages with a payment card's number from the parties.
//
//     npm install
//     KAFKA=broker:9092 GATEWAY=https://chat.example TOKEN=… GROUP=moderation-cards node consumer.mjs
//
// `KAFKA` may list several brokers with commas; `TOKEN` is a moderator's. `TOPIC` is `chat.timeline`
// unless it is set. With `SHADOW=on` it says what it would do and does nothing: give it a group of its
// own for that. Whatever goes wrong ends the program. Whoever starts it again loses nothing: it goes
// on behind the last record whose work was done.

import { createHash } from "node:crypto";
import { env, exit } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

import { decompress } from "fzstd";
import kafkajs from "kafkajs";

/** The version of the records that this program was written for. */
const VERSION = 1;
/** Name and version; another version is another rule, whose verdicts have other ids. */
const RULE = "payment-card@1";
/** Root of all ids of verdicts. Make one of your own, once. */
const VERDICTS = "b06d5df4-013b-46e8-827c-7999d4bee484";

const REQUEST_MS = 10_000;
// With a request before it, shorter than the 30 s after which the group gives up who is silent.
const PAUSE_MAX_MS = 10_000;
/** How long a verdict is tried. */
const PATIENCE_MS = 120_000;

const CARD = /(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/g;

// Large batches of the log are compressed by zstd, which kafkajs knows and does not bring.
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = () => ({
  decompress: async (bytes) => Buffer.from(decompress(bytes)),
});

/** Read from where the group was, for ever. */
async function main() {
  const kafka = new kafkajs.Kafka({
    brokers: env.KAFKA.split(","),
    clientId: env.GROUP,
    logLevel: kafkajs.logLevel.ERROR,
  });
  const consumer = kafka.consumer({
    groupId: env.GROUP,
    retry: { restartOnFailure: async () => false },
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error.message));
  await consumer.connect();
  // A new group misses nothing of what was.
  await consumer.subscribe({ topic: env.TOPIC ?? "chat.timeline", fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    async eachBatch({ batch, heartbeat }) {
      for (const record of batch.messages) {
        const said = saidIn(record, batch.partition);
        if (said && hasCard(said.text)) {
          if (env.SHADOW !== "on") await redact(said, heartbeat);
          // Ids alone: a text has no place in a log.
          console.log(RULE, said.orderId, said.messageId);
        }
        await heartbeat();
      }
      const { topic, partition } = batch;
      const offset = String(BigInt(batch.lastOffset()) + 1n);
      await consumer.commitOffsets([{ topic, partition, offset }]);
    },
  });
}

/**
 * What a record says; null for whatever is of no interest, known or not.
 *
 * Nothing is folded here, so a type that is not known may be passed over. A version that is not
 * known may mean something else by the same words: the program ends there, to be upgraded.
 */
function saidIn({ key, headers, value, offset }, partition) {
  const version = String(headers.v ?? "");
  // A dead letter, absent for all readers; as what does not decode, below.
  if (!/^\d{1,9}$/.test(version)) return null;
  if (Number(version) > VERSION) {
    end(`${partition}:${offset} has version ${Number(version)}: upgrade me`);
  }
  if (!["message", "edit"].includes(String(headers.type))) return null;
  try {
    const event = JSON.parse(value);
    if (String(key) !== event.order_id || typeof event.text !== "string") return null;
    if (event.as !== "participant") return null;
    const messageId = event.type === "message" ? event.id : event.target;
    return { orderId: event.order_id, messageId, recordId: event.id, text: event.text };
  } catch {
    return null;
  }
}

/**
 * Whether some digits are the number of a payment card: 13 to 19 of them, with the check digit of
 * Luhn.
 */
function hasCard(text) {
  return (text.match(CARD) ?? []).some((digits) => luhn(digits.replace(/[ -]/g, "")));
}

/** Whether the last digit is the one that the others ask for. */
function luhn(digits) {
  const sum = [...digits].reverse().reduce((sum, digit, at) => {
    const weighed = Number(digit) * (at % 2 ? 2 : 1);
    return sum + (weighed > 9 ? weighed - 9 : weighed);
  }, 0);
  return sum % 10 === 0;
}

/**
 * Take the message from the parties. Done twice, it is done once: the same record gives the same id,
 * which the gateway knows again.
 */
async function redact({ orderId, messageId, recordId }, heartbeat) {
  const id = uuid5(VERDICTS, `${RULE} ${recordId}`);
  const body = JSON.stringify({ id, action: "redact", target: messageId, reason: RULE });
  const began = Date.now();
  for (let pause = 250; ; pause = Math.min(2 * pause, PAUSE_MAX_MS)) {
    const answer = await post(`/v1/orders/${orderId}/verdicts`, body);
    const waited = Date.now() - began;
    // Not found: the record is void, nobody ever saw its message.
    if ([200, 201, 404].includes(answer)) return;
    const again = [0, 408, 429].includes(answer) || answer >= 500;
    if (!again || waited > PATIENCE_MS) end(`the gateway answers ${answer || "nothing"}`);
    await sleep(pause);
    await heartbeat();
  }
}

/** The status of the answer; 0 for none. */
async function post(path, body) {
  const headers = { authorization: `Bearer ${env.TOKEN}`, "content-type": "application/json" };
  const signal = AbortSignal.timeout(REQUEST_MS);
  try {
    const answer = await fetch(env.GATEWAY + path, { method: "POST", headers, body, signal });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return 0;
  }
}

/** RFC 9562, 5.5: the same name in the same namespace, the same UUID. */
function uuid5(namespace, name) {
  const root = Buffer.from(namespace.replaceAll("-", ""), "hex");
  const bytes = createHash("sha1").update(root).update(name).digest();
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const [, ...parts] = bytes.toString("hex").match(/^(.{8})(.{4})(.{4})(.{4})(.{12})/);
  return parts.join("-");
}

function end(why) {
  console.error(why);
  exit(1);
}

await main();
