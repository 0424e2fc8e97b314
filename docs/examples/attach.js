// Uploads a file for a message: straight to the object store, in parts where it is large.
//
//   const { grant } = await attach(file, { server, orderId, token, onProgress: (part) => … });
//   socket.send(JSON.stringify({ op: "send", …, text: "", attachments: [grant] }));

/**
 * @param {File} file
 * @param {{server: string, orderId: string, token: () => Promise<string>,
 *          onProgress?: (sent: number) => void, id?: string}} how `id`: go on with this upload
 * @returns {Promise<{id: string, grant: string}>} rejects with an `Error` fit to be shown
 */
export async function attach(file, { server, orderId, token, onProgress = () => {}, id }) {
  const ask = async (method, path, body) => {
    const answer = await fetch(`${server}/v1/attachments${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${await token()}`,
        ...(body && { "Content-Type": "application/json" }),
      },
      body: body && JSON.stringify(body),
    });
    const said = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(said.error.message), { id: said.id });
    return said;
  };

  let upload = id
    ? await ask("GET", `/${id}`)
    : await ask("POST", "", {
        order_id: orderId,
        filename: file.name,
        content_type: file.type,
        size: file.size,
      });
  // Each round brings forms for what has not come; a file of many parts takes some rounds.
  while (upload.upload || upload.parts?.some((part) => !part.stored)) {
    let start = 0;
    for (const part of upload.parts ?? [{ ...upload, stored: false }]) {
      const end = start + part.size;
      if (part.upload) await post(part.upload, file.slice(start, end));
      if (part.upload || part.stored) onProgress(end);
      start = end;
    }
    upload = await ask("GET", `/${upload.id}`);
    if (!upload.parts) break; // the one form was posted
  }
  for (;;) {
    const outcome = await ask("POST", `/${upload.id}/complete`);
    if (outcome.state === "ready") return outcome;
    await new Promise((done) => setTimeout(done, outcome.retry_after_ms));
  }
}

/** What a browser does with a form: its fields as they are, then the file. */
async function post(form, piece) {
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  body.append("file", piece);
  const answer = await fetch(form.url, { method: "POST", body });
  if (!answer.ok) throw new Error("The file could not be stored; try again.");
}
