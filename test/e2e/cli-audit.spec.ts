/** `captcha-remote audit`, beside a running server and without one. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { runCommand } from "../support/commands.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { runProgram } from "../support/programs.ts";
import { call, test } from "../support/requests.ts";

const run = (...argv: string[]) => runCommand(argv);

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[R17] verify tells how many entries are in a whole chain, beside a server, and what to note down", async ({
  startServer,
  site,
}) => {
  const { api, dataDir, close } = await startServer();
  const { body } = await call("POST", `${api}/sessions`, { url: site.serve("/", "<title>page</title>") });
  await call("DELETE", `${api}/session/${body.session_id}`);
  await expect
    .poll(async () => (await call("GET", `${api}/audit`)).body.entries.map((entry: { action: string }) => entry.action))
    .toEqual(["session.end", "session.cancel", "session.create"]);
  const { hash } = (await call("GET", `${api}/audit`)).body.entries[0];

  const verified = await runProgram(["audit", "verify", "--data-dir", dataDir]);
  expect(verified).toEqual({
    code: 0,
    out: `The audit trail is whole: 3 entries. To note down elsewhere: 3:${hash}\n`,
  });
  expect((await run("audit", "verify", `--noted=3:${hash}`, "--data-dir", dataDir)).code).toBe(0);
  const other = await run("audit", "verify", "--noted", `2:${hash}`, "--data-dir", dataDir);
  expect(other.code).toBe(1);
  expect(other.out).toContain("broken at entry 2: the chain is whole, but its hash is not the noted one");
  const listed = await run("audit", "list", "--limit", "2", "--data-dir", dataDir);
  expect(listed.code).toBe(0);
  const lines = listed.out.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ seq: 2, action: "session.cancel", who: "key:config:test", address: "127.0.0.1" }),
    expect.objectContaining({ seq: 3, action: "session.end", who: "server", hash }),
  ]);

  await close();
  const db = new DatabaseSync(join(dataDir, "sessions.db"));
  db.exec(
    "DROP TRIGGER audit_is_never_changed; UPDATE audit SET entry = replace(entry, 'config:test', 'config:else') WHERE seq = 2",
  );
  db.close();
  expect(await runProgram(["audit", "verify", "--data-dir", dataDir])).toEqual({
    code: 1,
    out: "The audit trail is broken at entry 2: it, or its hash, is not as it was written.\n",
  });
});

test("[R17] a folder without a database, and arguments that make no sense, are told and make nothing", async ({
  startServer,
}) => {
  const { dataDir, close } = await startServer();
  await close();
  await rm(join(dataDir, "sessions.db"));
  for (const [argv, sentence] of [
    [["verify"], `DATA_DIR: no database in ${dataDir}`],
    [["list"], `DATA_DIR: no database in ${dataDir}`],
    [["cut"], "audit: verify or list"],
    [[], "audit: verify or list"],
    [["verify", "--noted", "3"], "--noted: SEQ:HASH"],
    [["list", "--limit", "0"], "--limit: a whole number"],
    [["list", "--limit"], "--limit: a value is missing"],
  ] as const) {
    const { code, out } = await run("audit", ...argv.slice(0, 1), "--data-dir", dataDir, ...argv.slice(1));
    expect([code, out.includes(sentence)], out).toEqual([1, true]);
  }
  expect((await run("audit", "verify", "--data-dir", dataDir)).out).toContain("no database");
});

test("--help names the commands", async () => {
  expect((await runProgram(["--help"])).out).toMatch(/^ {7}captcha-remote audit verify +\w/m);
});
