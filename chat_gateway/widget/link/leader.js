// The tab that has the connection serves all tabs of this reader in this browser, itself included.

import { Attachments } from "../files/attachments.js";
import { Relay } from "../state/connection.js";
import { Courier } from "./courier.js";
import { Socket } from "./socket.js";

const COURIER = "courier"; // it takes part as a tab would

export class Leader {
  #tell;
  #socket;
  #relay = new Relay();
  #courier;
  #ref = 0;
  #status = { kind: "status", phase: "connecting", problem: null, welcome: null };

  /**
   * @param {object} reader
   * @param {string} reader.server
   * @param {import("./tokens.js").Tokens} reader.tokens
   * @param {{sub: string, orders?: string[]}} reader.claims
   * @param {() => ?string} reader.order the one that is looked at
   * @param {import("./outgoing.js").OutboxStore} store
   * @param {(message: object, tab: ?string) => void} tell gives a message to a tab; null: to all
   */
  constructor({ server, tokens, claims, order }, store, tell) {
    this.#tell = tell;
    this.#socket = new Socket(server, tokens, order, {
      ready: (welcome) => this.#ready(welcome),
      frame: (frame) => this.#heard(frame),
      lost: () => this.#lost(),
      stopped: (code) => this.#enter("stopped", { code, message: "" }, null),
    });
    const attachments = new Attachments(`${server}/v1/attachments`, tokens);
    this.#courier = new Courier(claims.sub, store, {
      covers: (orderId) => claims.orders?.includes(orderId) ?? true,
      request: (frame) => this.#request(frame),
      hold: (orderId) => this.#relay.hold(COURIER, orderId),
      drop: (orderId) => this.#relay.release(COURIER, orderId) && this.#leave(orderId),
      renew: (files) => attachments.renew(files),
      restart: () => this.#socket.restart(),
      tell: (message) => this.#tell(message, null),
    });
  }

  start() {
    this.announce(null);
    this.#socket.open();
    this.#courier.start();
  }

  close() {
    this.#socket.close();
    this.#courier.close();
  }

  /** Tell a tab, or all, how the connection stands. */
  announce(tab) {
    this.#tell(this.#status, tab);
  }

  /** What a tab wants: see `Session`. */
  take(tab, { kind, frame, order_id: orderId, attempt, id }) {
    switch (kind) {
      case "hello":
        return this.announce(tab);
      case "frame":
        return this.#send(this.#relay.outgoing(tab, frame));
      case "bye":
        return this.#relay.gone(tab).forEach((left) => this.#leave(left));
      case "restart":
        this.#socket.restart();
        return this.announce(tab);
      case "hurry":
        return this.#socket.hurry();
      case "revive":
        if (this.#status.phase !== "stopped") return;
        this.#enter("connecting", null, null);
        return this.#socket.open();
      case "renew":
        return void this.#socket.renew();
      case "write":
        return this.#courier.take(orderId, attempt);
      case "again":
        return this.#courier.again(orderId, id);
      case "discard":
        return this.#courier.discard(orderId, id);
      default: // of a later version, in another tab
    }
  }

  #ready(welcome) {
    this.#enter("live", null, welcome);
    this.#courier.ready();
  }

  #lost() {
    this.#relay.reset();
    this.#courier.lost();
    if (this.#status.phase !== "connecting") this.#enter("offline", null, null);
  }

  #heard(frame) {
    const { frame: own, tab } = this.#relay.incoming(frame);
    // The tabs before the courier: a message is there before its attempt goes.
    if (tab !== COURIER) this.#tell({ kind: "frame", frame: own }, tab);
    // It hears all of them: whoever asked, an answer may hold what it waits for.
    this.#courier.frame(tab === COURIER ? own : { ...own, ref: undefined });
  }

  #request(frame) {
    const ref = ++this.#ref;
    this.#send(this.#relay.outgoing(COURIER, { ...frame, ref }));
    return ref;
  }

  #leave(orderId) {
    this.#send({ op: "leave", ref: 0, order_id: orderId }); // nobody waits for the answer
  }

  #send(frame) {
    if (frame !== null) this.#socket.send(frame);
  }

  #enter(phase, problem, welcome) {
    this.#status = { kind: "status", phase, problem, welcome };
    this.announce(null);
  }
}
