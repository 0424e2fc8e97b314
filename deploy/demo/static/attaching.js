// What a reader attaches to the next message: picked, carried to the server, and kept meanwhile.

import { UploadStore } from "./upload-store.js";
import { Uploader } from "./uploader.js";
import { Uploads } from "./uploads.js";

export class Attaching {
  #store;
  #uploader;
  #onChange;

  /**
   * @param {{orderId: string, me: string}} where
   * @param {import("./attachments.js").Attachments} attachments
   * @param {() => void} onChange called after every change of a file
   */
  constructor({ orderId, me }, attachments, onChange) {
    this.uploads = new Uploads(() => crypto.randomUUID());
    this.#onChange = onChange;
    this.#store = new UploadStore(`${orderId}:${me}`);
    this.#uploader = new Uploader(orderId, this.uploads, attachments, {
      changed: onChange,
      announced: (upload) => this.#store.keep(upload),
    });
  }

  /** Go on with what a reload interrupted. */
  async restore() {
    try {
      this.uploads.restore(await this.#store.open());
    } catch {
      return; // a browser may forbid it; then files last as long as the page
    }
    for (const upload of this.uploads.list) if (!upload.final) this.#store.keep(upload);
    this.#goOn();
  }

  add(files) {
    for (const file of files) {
      const upload = this.uploads.add(file);
      if (upload.state !== "failed") this.#store.keep(upload);
    }
    this.#goOn();
  }

  retry(id) {
    this.uploads.retry(id);
    this.#goOn();
  }

  remove(id) {
    this.uploads.remove(id);
    this.#uploader.drop(id);
    this.#store.forget(id);
    this.#onChange();
  }

  /** Take the files for a message; they are the outbox's from here on. */
  take() {
    for (const { id } of this.uploads.list) this.#store.forget(id);
    return this.uploads.take();
  }

  #goOn() {
    this.#uploader.start();
    this.#onChange();
  }
}
