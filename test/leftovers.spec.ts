/** After all other tests: nothing of ours runs any more, and no folder of ours is left. */
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { expect, test } from "@playwright/test";
import { TEST_FOLDER_PREFIX } from "./support/fixtures.ts";
import { commandLinesWith } from "./support/processes.ts";

test("no process of the tests remains", async () => {
  await expect.poll(() => commandLinesWith(`--user-data-dir=${tmpdir()}/${TEST_FOLDER_PREFIX}`)).toEqual([]);
});

test("no folder of the tests remains", async () => {
  const ours = async () => (await readdir(tmpdir())).filter((name) => name.startsWith(TEST_FOLDER_PREFIX));
  await expect.poll(ours).toEqual([]);
});
