/** Fills in what an entry of the table leaves out, as for an entry of CHALLENGE_KINDS_FILE. */
import { type ChallengeKind, type ChallengeKindEntry, challengeKindSchema } from "../../../config.ts";

/** An entry of the table: who makes it and where the facts come from are never left out. */
export function kind(entry: ChallengeKindEntry & { readonly vendor: string; readonly source: string }): ChallengeKind {
  return challengeKindSchema.parse(entry);
}

/** Judged by what is no longer there, alone. */
export const GONE = [{ gone: true }] satisfies ChallengeKindEntry["done"];
