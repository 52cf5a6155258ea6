/** [K1] The corpus has every kind that is known, and enough pages. */
import { expect, test } from "@playwright/test";
import { KNOWN_KINDS } from "../../src/browser/challenge/kinds.ts";
import { kindsOfCorpus, loadCorpus } from "../pages/corpus.ts";
import { type CorpusPage, foundAs, type Visit } from "../pages/page.ts";

const corpus = await loadCorpus();

test("[K1] the corpus has at least 150 pages, each with a name of its own", () => {
  expect(corpus.length).toBeGreaterThanOrEqual(150);
  expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
});

test("[K1] every known kind has a file of pages: shown and solved, and left by a link", async () => {
  const kinds = await kindsOfCorpus();
  expect(kinds.length).toBeGreaterThanOrEqual(57);
  const names = kinds.map((kind) => foundAs(kind).kind);
  expect(names).toEqual(expect.arrayContaining(KNOWN_KINDS.map(({ kind }) => kind)));
  const page = (kind: string, state: string) => corpus.find(({ name }) => name === `${kind}/${state}`);
  const asMeant = kinds.map((kind) => ({ kind, found: foundAs(kind), shown: "solved", left: "asked" }));
  const asTheyAre = kinds.map((kind) => ({
    kind,
    found: page(kind, "shown")?.found,
    shown: page(kind, "shown")?.steps.at(-1)?.right,
    left: page(kind, "left")?.steps.at(-1)?.right,
  }));
  expect(asTheyAre).toEqual(asMeant);
});

test("[K1] each page opens a document that it has, and marks a box where a challenge is to be found", () => {
  const without = corpus.filter(({ documents, start, steps }) => documents[start] === undefined || steps.length === 0);
  expect(without.map(({ name }) => name)).toEqual([]);
  const unmarked = corpus.filter(
    (page) => page.found !== null && page.found !== "any" && !/data-box|dataset\.box/.test(textOf(page)),
  );
  expect(unmarked.map(({ name }) => name)).toEqual([]);
});

/** Everything that a page serves at first. */
function textOf({ documents }: CorpusPage): string {
  const visit: Visit = { count: 1, flags: new Set(), method: "GET", query: new URLSearchParams() };
  return JSON.stringify(Object.values(documents).map((doc) => (typeof doc === "function" ? doc(visit) : doc)));
}
