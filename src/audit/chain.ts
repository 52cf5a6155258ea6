/** The chain: each entry's hash is over the hash before it and the entry itself. Pure. */
import { createHash } from "node:crypto";

/** What the first entry is chained to. */
export const FIRST_LINK = "captcha-remote audit trail 1";

/** A row as it stands in storage; numbers as text, as somebody may have put anything there. */
export interface Row {
  readonly seq: string;
  readonly at: string;
  readonly entry: string;
  readonly hash: string;
}

/** An entry's hash as it was at an earlier time, from a place that whoever changes the chain cannot reach. */
export interface Noted {
  readonly seq: number;
  readonly hash: string;
}

/**
 * `seq` is the first entry that is not as it was written. `changed`: it, or its hash. `missing`: it is not there.
 * `out_of_order`: it stands where no entry can. `not_as_noted`: the chain is whole and yet another one.
 */
export type Verification =
  | { readonly kind: "whole"; readonly entries: number; readonly hash: string }
  | {
      readonly kind: "broken";
      readonly seq: string;
      readonly why: "changed" | "missing" | "out_of_order" | "not_as_noted";
    };

/** SHA-256 in hex. Lines, as only the last part may have line breaks of its own: no two inputs read the same. */
export function linkHash(previous: string, { seq, at, entry }: Omit<Row, "hash">): string {
  return createHash("sha256").update(`${previous}\n${seq}\n${at}\n${entry}`).digest("hex");
}

/** Walks rows that are sorted by `seq`, and stops at the first that is not as it was written. */
export function checkChain(rows: Iterable<Row>, noted?: Noted): Verification {
  let previous = FIRST_LINK;
  let due = 1;
  for (const row of rows) {
    if (row.seq !== String(due)) {
      const isEarly = BigInt(row.seq) < BigInt(due);
      return { kind: "broken", seq: isEarly ? row.seq : String(due), why: isEarly ? "out_of_order" : "missing" };
    }
    if (row.hash !== linkHash(previous, row)) return { kind: "broken", seq: row.seq, why: "changed" };
    if (noted?.seq === due && noted.hash !== row.hash) return { kind: "broken", seq: row.seq, why: "not_as_noted" };
    previous = row.hash;
    due += 1;
  }
  if (noted && noted.seq >= due) return { kind: "broken", seq: String(due), why: "missing" };
  return { kind: "whole", entries: due - 1, hash: previous };
}
