/** [R25] Files that an operator gives to the page: what the route takes and answers, and what a field accepts. */
import { z } from "zod";

/** Bytes of UTF-8: file systems take 255, and a part is left for a browser that adds to it. */
const MAX_NAME_BYTES = 200;
/** The type of a file that its machine does not know. */
const UNKNOWN_TYPES: ReadonlySet<string> = new Set(["", "application/octet-stream"]);

export const uploadQuerySchema = z.object({
  name: z.string().min(1).max(1_000).meta({ description: "The file's name, as the page sees it" }),
});

export const uploadAnswerSchema = z.object({
  file_id: z.string().meta({ description: "For `answer_files`" }),
  name: z.string().meta({ description: "As the page will see it" }),
  bytes: z.int(),
});
export type UploadAnswer = z.infer<typeof uploadAnswerSchema>;

/** What a client says of a file before its bytes. */
export interface FileFacts {
  readonly name: string;
  /** A media type without parameters, in lower case; empty: not known. */
  readonly type: string;
}

/** A name that is safe as the last part of a path, and still the person's: no folder, no control characters, no dots in front. */
export function safeFileName(given: string): string {
  const last = given.normalize("NFC").split(/[/\\]/).at(-1) ?? "";
  const clean = last
    .replace(/[\p{C}\p{Zl}\p{Zp}<>:"|?*]/gu, "")
    .replace(/^[.\s]+|[.\s]+$/g, "")
    .slice(0, MAX_NAME_BYTES);
  const dot = clean.lastIndexOf(".");
  const stem = [...(dot > 0 ? clean.slice(0, dot) : clean)];
  const ending = dot > 0 ? clean.slice(dot) : "";
  const isLong = () => new TextEncoder().encode(stem.join("") + ending).length > MAX_NAME_BYTES;
  while (stem.length > 1 && isLong()) stem.pop();
  const name = isLong() ? stem.join("") : stem.join("") + ending;
  return name === "" ? "file" : name;
}

/**
 * Whether a field with this `accept` takes such a file. As in browsers, a type is what the file's machine says of it: a
 * file without a known type passes where the field names types.
 */
export function isAccepted(accept: string, { name, type }: FileFacts): boolean {
  const wanted = accept
    .toLowerCase()
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (wanted.length === 0) return true;
  return wanted.some((part) => {
    if (part.startsWith(".")) return name.toLowerCase().endsWith(part);
    if (part === "*" || part === "*/*" || UNKNOWN_TYPES.has(type)) return true;
    return part.endsWith("/*") ? type.startsWith(part.slice(0, -1)) : type === part;
  });
}
