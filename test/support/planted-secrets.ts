/** Secrets that a test plants, the places where each may be told, and a look through everything that a run produced. */

/** Where a run leaves text behind. `error` is what a refused request is answered. */
export type Place =
  | "output"
  | "create"
  | "links"
  | "tickets"
  | "list"
  | "detail"
  | "detailToOps"
  | "status"
  | "result"
  | "events"
  | "webhook"
  | "audit"
  | "error"
  | "socket"
  | "metrics";

export interface Planted {
  readonly word: string;
  /** The places where it has a reason to be. */
  readonly allowed: readonly Place[];
}

/** What was found where it has no business: a line each. */
export function leaks(planted: Readonly<Record<string, Planted>>, told: Readonly<Record<Place, string[]>>): string[] {
  return Object.entries(planted).flatMap(([name, { word, allowed }]) =>
    Object.entries(told).flatMap(([place, texts]) => {
      if (allowed.includes(place as Place)) return [];
      const found = texts.map(readable).find((text) => text.includes(word));
      return found === undefined ? [] : [`${name} in ${place}: ${excerpt(found, word)}`];
    }),
  );
}

/** A planted word that came to none of its places was not planted at all, or the test does not look there. */
export function neverSeen(
  planted: Readonly<Record<string, Planted>>,
  told: Readonly<Record<Place, string[]>>,
): string[] {
  return Object.entries(planted).flatMap(([name, { word, allowed }]) =>
    allowed
      .filter((place) => !told[place].some((text) => text.includes(word)))
      .map((place) => `${name} is not in ${place}`),
  );
}

/** Text with what hides in it: bytes as JSON lists them, base64 and percent encoding. */
function readable(text: string): string {
  const bytes = [...text.matchAll(/"data":\[([\d,]+)\]/g)].map(([, list = ""]) =>
    Buffer.from(list.split(",").map(Number)).toString("latin1"),
  );
  // Pictures are base64 too, and longer.
  const encoded = [...text.matchAll(/\b[A-Za-z0-9+/_-]{16,512}={0,2}/g)].map(([word]) =>
    Buffer.from(word, "base64").toString("latin1"),
  );
  return [
    text,
    ...bytes,
    ...encoded,
    text.replaceAll(/%([0-9a-f]{2})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
  ].join("\n");
}

function excerpt(text: string, word: string): string {
  const at = text.indexOf(word);
  return text.slice(Math.max(0, at - 120), at + word.length + 40).replaceAll("\n", " ");
}
