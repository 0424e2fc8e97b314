// Which files can be sent, and what each is called. The server decides by what is in a file; this
// only says early, and by name where a browser knows no type or an odd one, what it would refuse.

const OOXML = "application/vnd.openxmlformats-officedocument";

/** Types that are taken: the label on a file's card, and the extensions that stand for the type. */
const TYPES = {
  "image/jpeg": ["JPG", "jpg", "jpeg", "jfif"],
  "image/png": ["PNG", "png"],
  "image/gif": ["GIF", "gif"],
  "image/webp": ["WEBP", "webp"],
  "application/pdf": ["PDF", "pdf"],
  "video/mp4": ["MP4", "mp4", "m4v"],
  "video/quicktime": ["MOV", "mov"],
  "video/webm": ["WEBM", "webm"],
  "audio/mpeg": ["MP3", "mp3"],
  "audio/mp4": ["M4A", "m4a"],
  "audio/wav": ["WAV", "wav"],
  "audio/ogg": ["OGG", "ogg", "oga", "opus"],
  "application/zip": ["ZIP", "zip"],
  [`${OOXML}.wordprocessingml.document`]: ["DOCX", "docx"],
  [`${OOXML}.spreadsheetml.sheet`]: ["XLSX", "xlsx"],
  [`${OOXML}.presentationml.presentation`]: ["PPTX", "pptx"],
  "text/plain": ["TXT", "txt", "log", "md"],
  "text/csv": ["CSV", "csv"],
};

const TYPE_OF_EXTENSION = new Map(
  Object.entries(TYPES).flatMap(([type, [, ...extensions]]) =>
    extensions.map((extension) => [extension, type]),
  ),
);

/** For a file dialogue: extensions too, since it may know a file by nothing else. */
export const ACCEPT = [
  ...Object.keys(TYPES),
  ...[...TYPE_OF_EXTENSION.keys()].map((extension) => `.${extension}`),
].join(",");

/** The type to declare for a file; null if it cannot be sent. */
export function typeOf({ name, type }) {
  const [declared] = type.toLowerCase().split(";");
  // A spreadsheet program may have made "text/plain" of a list of values.
  const named = TYPE_OF_EXTENSION.get(name.split(".").at(-1).toLowerCase()) ?? null;
  if (declared === "text/plain" && named === "text/csv") return named;
  return Object.hasOwn(TYPES, declared) ? declared : named;
}

/** What to write on the card of a file: "PDF". */
export function labelOf(type) {
  return Object.hasOwn(TYPES, type) ? TYPES[type][0] : "FILE";
}

export function isImage(type) {
  return type.startsWith("image/");
}

/** Whether the server makes a small picture of such a file. */
export function hasThumbnail(type) {
  return isImage(type) || type === "application/pdf";
}
