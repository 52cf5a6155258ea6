/** Finds filled response fields of challenges in what a request carries: its query, a form, multipart or JSON. */

/** Requests whose body, or whose query, is larger are not looked at. */
export const MAX_LOOKED_AT_BYTES = 256 * 1024;
/** How deep a field may stand in JSON. */
const MAX_JSON_DEPTH = 8;
/** The part of a value that an expression for "no answer" is tried on: a field may hold a megabyte. */
const MAX_JUDGED_CHARACTERS = 4_096;

export interface WatchedField {
  readonly name: string;
  /** Values that are no answer (a widget that waits, say); null: every value that is not empty is one. */
  readonly noAnswer: RegExp | null;
}

export interface CarriedRequest {
  readonly url: string;
  readonly contentType: string;
  /** Null where there is none, or where the browser has not sent it along. */
  readonly body: Buffer | null;
}

/**
 * The names of the watched fields that the request carries with an answer. Nothing of the request is kept. Never throws:
 * a body that cannot be read carries nothing.
 */
export function filledFields(request: CarriedRequest, fields: readonly WatchedField[]): Set<string> {
  const filled = new Set<string>();
  if (fields.length === 0) return filled;
  const watched = new Map(fields.map((field) => [field.name, field.noAnswer]));
  const take = (name: string, value: string) => {
    const noAnswer = watched.get(name);
    if (noAnswer !== undefined && isAnswer(value, noAnswer)) filled.add(name);
  };
  const query = queryOf(request.url);
  if (query.length <= MAX_LOOKED_AT_BYTES) takeForm(query, take);
  const { body } = request;
  if (body && body.length <= MAX_LOOKED_AT_BYTES) takeBody(body, request.contentType, take);
  return filled;
}

type Take = (name: string, value: string) => void;

function isAnswer(value: string, noAnswer: RegExp | null): boolean {
  const judged = value.slice(0, MAX_JUDGED_CHARACTERS);
  // Not test(): an expression with the flag `g` would remember where it was.
  return judged.trim() !== "" && (noAnswer === null || judged.search(noAnswer) === -1);
}

function queryOf(url: string): string {
  const fragment = url.indexOf("#");
  const end = fragment === -1 ? url.length : fragment;
  const from = url.indexOf("?");
  return from === -1 ? "" : url.slice(from + 1, Math.max(from + 1, end));
}

function takeBody(body: Buffer, contentType: string, take: Take): void {
  const [type = "", ...parameters] = contentType.split(";");
  const mime = type.trim().toLowerCase();
  const text = () => body.toString();
  if (mime === "multipart/form-data") takeMultipart(body, boundaryOf(parameters), take);
  else if (mime === "application/x-www-form-urlencoded") takeForm(text(), take);
  else if (mime === "application/json" || mime.endsWith("+json")) takeJson(text(), take);
  // Scripts often name no type, and a beacon's is text/plain.
  else if (mime === "" || mime === "text/plain") takeAny(text(), take);
}

function takeAny(text: string, take: Take): void {
  if (/^\s*[{[]/.test(text)) takeJson(text, take);
  else takeForm(text, take);
}

function takeForm(text: string, take: Take): void {
  for (const [name, value] of new URLSearchParams(text)) take(name, value);
}

function takeJson(text: string, take: Take): void {
  let level: unknown[];
  try {
    level = [JSON.parse(text)];
  } catch {
    return;
  }
  for (let depth = 0; depth < MAX_JSON_DEPTH && level.length > 0; depth += 1) {
    const next: unknown[] = [];
    for (const node of level) {
      if (typeof node !== "object" || node === null) continue;
      for (const [name, value] of Object.entries(node)) {
        if (typeof value === "string" || typeof value === "number") take(name, String(value));
        else next.push(value);
      }
    }
    level = next;
  }
}

function boundaryOf(parameters: readonly string[]): string {
  for (const parameter of parameters) {
    const [, value] = /^\s*boundary\s*=(.*)$/i.exec(parameter) ?? [];
    if (value !== undefined) return value.trim().replace(/^"(.*)"$/, "$1");
  }
  return "";
}

/** Files are left out: the browser does not send their bytes along, and no answer is a file. */
function takeMultipart(body: Buffer, boundary: string, take: Take): void {
  if (boundary === "") return;
  const delimiter = `--${boundary}`;
  let at = body.indexOf(delimiter);
  while (at !== -1) {
    const from = at + delimiter.length;
    const end = body.indexOf(`\r\n${delimiter}`, from);
    // Nothing is read of a part without an end.
    if (end === -1) return;
    takePart(body.subarray(from, end), take);
    at = end + 2;
  }
}

function takePart(part: Buffer, take: Take): void {
  const headersEnd = part.indexOf("\r\n\r\n");
  if (headersEnd === -1) return;
  const disposition = part
    .toString("utf8", 0, headersEnd)
    .split("\r\n")
    .find((line) => /^content-disposition:/i.test(line));
  if (disposition === undefined || /;\s*filename\*?=/i.test(disposition)) return;
  const name = /;\s*name="([^"]*)"/i.exec(disposition)?.[1];
  // Browsers escape only quotes and line ends in names.
  if (name !== undefined) take(name.replaceAll("%22", '"'), part.toString("utf8", headersEnd + 4));
}
