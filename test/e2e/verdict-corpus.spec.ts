/** [K1] [K2] [R21] The corpus: on each page the challenge is found, and no verdict is wrong. */
import { loadCorpus } from "../pages/corpus.ts";
import { expect, test } from "../support/corpus.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { runCase } from "../support/verdict-case.ts";

const pages = await loadCorpus();

for (const page of IS_LONG_RUN ? pages : pages.filter(({ selected }) => selected)) {
  test(`[K1] [K2] [R21] ${page.name}: found, and judged rightly`, async ({ world }) => {
    const { faults } = await runCase(world, page);
    expect(faults.map(({ kind, step, why }) => `${kind} at ${step}: ${why}`)).toEqual([]);
  });
}
