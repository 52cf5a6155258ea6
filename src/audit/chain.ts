/** The hash chain: each entry's hash covers the hash before it and the entry itself. Pure. */
import { createHash } from "node:crypto";

/** The hash that the first entry is chained to. */
export const FIRST_LINK = "captcha-remote audit trail 1";

/** A row as it is stored; numbers are text, because a forged row may contain anything. */
export interface Row {
  readonly seq: string;
  readonly at: string;
  readonly entry: string;
  readonly hash: string;
}

/** An entry's hash at an earlier time, from a place that a forger of the chain cannot reach. */
export interface Noted {
  readonly seq: number;
  readonly hash: string;
}

/**
 * `seq` is the first entry that is not as it was written. `changed`: the entry or its hash was changed. `missing`: it
 * was removed. `out_of_order`: its number cannot stand there. `not_as_noted`: the chain is whole, but another one.
 */
export type Verification =
  | { readonly kind: "whole"; readonly entries: number; readonly hash: string }
  | {
      readonly kind: "broken";
      readonly seq: string;
      readonly why: "changed" | "missing" | "out_of_order" | "not_as_noted";
    };

/**
 * SHA-256 in hex. The parts are joined by line breaks, which only the last part may contain: no two inputs give the
 * same text.
 */
export function linkHash(previous: string, { seq, at, entry }: Omit<Row, "hash">): string {
  return createHash("sha256").update(`${previous}\n${seq}\n${at}\n${entry}`).digest("hex");
}

/** Verifies rows sorted by `seq`, and stops at the first that is not as it was written. */
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
