/** A kinds file with a selector that no browser can parse: the start of a session names it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, TEST_FOLDER_PREFIX, test } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";
import { startProgram } from "../support/programs.ts";
import { call } from "../support/requests.ts";

for (const [field, kind] of [
  ["shop-puzzle.not_when.selectors.0", { selectors: ["#puzzle"], not_when: { selectors: ["#puzzle["] } }],
  ["shop-puzzle.done.1.visible", { selectors: ["#puzzle"], done: [{ gone: true }, { visible: ":is" }] }],
] as const) {
  test(`[R10] a session does not open, and answer and log name ${field}${longUnless(field.includes("done"))}`, async ({
    site,
  }) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const path = join(folder, "kinds.json");
    await writeFile(path, JSON.stringify([{ kind: "shop-puzzle", ...kind }]));
    const program = await startProgram({ CHALLENGE_KINDS_FILE: path });
    try {
      const answer = await call("POST", `${program.api}/sessions`, { url: site.serve("/", `<p id="puzzle">?</p>`) });
      expect(answer).toMatchObject({
        status: 500,
        body: { error: { code: "internal", details: { field, why: "not a CSS selector" } } },
      });
      await expect.poll(() => program.out()).toContain(`CHALLENGE_KINDS_FILE: ${field}: not a CSS selector`);
    } finally {
      await program.remove();
      await rm(folder, { recursive: true, force: true });
    }
  });
}
