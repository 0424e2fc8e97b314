// Which files can be sent, and what each is called. The server decides by what is in a file; this
// only says early, and by name where a browser knows no type or an odd one, what it would refuse.

const OOXML = "application/vnd.openxmlformats-officedocument.";

/** The types that are taken, by the extensions that stand for each; the first is its label. */
const TYPES = {
  "image/jpeg": "jpg jpeg jfif",
  "image/png": "png",
  "image/gif": "gif",
  "image/webp": "webp",
  "application/pdf": "pdf",
  "video/mp4": "mp4 m4v",
  "video/quicktime": "mov",
  "video/webm": "webm",
  "audio/mpeg": "mp3",
  "audio/mp4": "m4a",
  "audio/wav": "wav",
  "audio/ogg": "ogg oga opus",
  "application/zip": "zip",
  [`${OOXML}wordprocessingml.document`]: "docx",
  [`${OOXML}spreadsheetml.sheet`]: "xlsx",
  [`${OOXML}presentationml.presentation`]: "pptx",
  "text/plain": "txt log md",
  "text/csv": "csv",
};

const EXTENSIONS = new Map(Object.entries(TYPES).map(([type, all]) => [type, all.split(" ")]));
const TYPE_OF = new Map(
  [...EXTENSIONS].flatMap(([type, all]) => all.map((extension) => [extension, type])),
);

/** For a file dialogue: extensions too, since it may know a file by nothing else. */
export const ACCEPT = [
  ...EXTENSIONS.keys(),
  ...[...TYPE_OF.keys()].map((extension) => `.${extension}`),
].join();

/** The type to declare for a file; null if it cannot be sent. */
export function typeOf({ name, type }) {
  const [declared] = type.toLowerCase().split(";");
  // A spreadsheet program may have made "text/plain" of a list of values.
  const named = TYPE_OF.get(name.split(".").at(-1).toLowerCase()) ?? null;
  if (declared === "text/plain" && named === "text/csv") return named;
  return EXTENSIONS.has(declared) ? declared : named;
}

/** What to write on the card of a file: "PDF"; null for a type of tomorrow. */
export function labelOf(type) {
  return EXTENSIONS.get(type)?.[0].toUpperCase() ?? null;
}

export function isImage(type) {
  return type.startsWith("image/");
}

/** Whether the server makes a small picture of such a file. */
export function hasThumbnail(type) {
  return isImage(type) || type === "application/pdf";
}
