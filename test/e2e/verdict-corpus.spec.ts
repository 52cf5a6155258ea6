/** [K1] [K2] [R21] The corpus: on each page the challenge is found where it is, and no verdict is wrong. */
import { loadCorpus } from "../pages/corpus.ts";
import type { CorpusPage } from "../pages/page.ts";
import { expect, test } from "../support/corpus.ts";
import { eachSecond, IS_LONG_RUN } from "../support/long-run.ts";
import { expectWithin } from "../support/pace.ts";
import { runCase, VERDICT_MS } from "../support/verdict-case.ts";

/** Pages at a time in one test: most of a case is waiting. */
const AT_A_TIME = 4;

/** No slow machine takes so long; that a verdict is in time is measured against the machine's own pace. */
const PATIENCE = { verdictMs: 60_000, boxMs: 60_000 };

const pages = IS_LONG_RUN ? await loadCorpus() : selection(await loadCorpus());

for (let from = 0; from < pages.length; from += AT_A_TIME) {
  const some = pages.slice(from, from + AT_A_TIME);
  const names = some.map(({ name }) => name).join(", ");
  test(`[K1] [K2] [R21] found, and judged rightly: ${names}`, async ({ world }) => {
    const results = await Promise.all(some.map((page) => runCase(world, page, PATIENCE)));
    const faults = results.flatMap(({ page, faults }) =>
      faults
        .filter(({ kind }) => kind !== "late")
        .map(({ kind, step, why }) => `${page.name}: ${kind} at ${step}: ${why}`),
    );
    expect(faults).toEqual([]);
    for (const { page, tookMs } of results) {
      for (const ms of tookMs) expectWithin(ms, VERDICT_MS, `the verdict on ${page.name}`);
    }
  });
}

/** Each fourth of the pages that are most dangerous to judge, and each sixteenth kind at its solution; `npm run bench:verdict` has all. */
function selection(all: readonly CorpusPage[]): readonly CorpusPage[] {
  const shown = all
    .filter(({ name, selected }) => name.endsWith("/shown") && !selected)
    .map((page) => ({ ...page, steps: page.steps.filter(({ act }) => act !== "nobody") }));
  const eachFourth = <T>(cases: readonly T[]) => eachSecond(eachSecond(cases));
  return [...eachFourth(all.filter(({ selected }) => selected)), ...eachFourth(eachFourth(shown))];
}
