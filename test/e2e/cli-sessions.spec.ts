/** Commands for ops that ask a running server: tables for people, lines of JSON for scripts, sentences for what is wrong. */
import { runCommand } from "../support/commands.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";
import { runProgram } from "../support/programs.ts";
import { call, test } from "../support/requests.ts";

/** Its page has its challenge from the start. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[R1] [R2] [R7] [R15] sessions are listed, looked at, ended and found in the history", async ({
  startServer,
  site,
}) => {
  const server = await startServer();
  const env = { CAPTCHA_REMOTE_URL: server.url, CAPTCHA_REMOTE_KEY: TEST_KEY };
  const command = (argv: readonly string[]) => runCommand(argv, env);
  const url = site.serve("/", `<div id="my-captcha" style="width:300px;height:200px"></div>`);
  const create = async (label: string): Promise<string> =>
    (await call("POST", `${server.api}/sessions`, { url, label })).body.session_id;
  expect(await command(["sessions"])).toEqual({ code: 0, out: "No sessions.\n" });
  expect((await command(["history"])).out).toBe("No sessions have ended.\n");
  // A label that a terminal would obey.
  const [first, second] = [await create("\u001b[31mred\nnew line"), await create("shop")];
  const listed = await runProgram(["sessions"], env);
  expect(listed.code).toBe(0);
  const [head, ...rows] = listed.out.trim().split("\n");
  expect(head).toMatch(/^SESSION +STATE +LABEL +AGE +LEFT +PEOPLE +TAKEN BY$/);
  expect(rows).toHaveLength(2);
  expect(rows[0]).toMatch(new RegExp(`^${second} +waiting +shop +\\S+ +\\dm \\d\\ds +0 +-$`));
  expect(listed.out).not.toContain("\u001b");
  const json = (await command(["sessions", "--json"])).out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(json.map(({ session_id }) => session_id)).toEqual([second, first]);
  const one = await command(["session", second]);
  expect(one.out).toMatch(/^state +waiting$/m);
  expect(one.out).toContain(url);
  expect(one.out.length).toBeLessThan(2_000);
  expect(await command(["cancel", second])).toEqual({ code: 0, out: `${second} has ended.\n` });
  const ended = await command(["history", "--label", "shop"]);
  expect(ended.out).toMatch(new RegExp(`${second} +cancelled +cancelled_by_bot +shop`));
  expect((await command(["history", "--label", "other", "--json"])).out).toBe("");
  expect((await command(["sessions", "--state", "cancelled", "--json"])).out).toContain(second);
});

test("what is wrong is a sentence: no key, a wrong one, no server, no such session, no id, a filter that is none", async ({
  startServer,
}) => {
  const { url } = await startServer();
  const own = { CAPTCHA_REMOTE_URL: url };
  const keyed = { ...own, CAPTCHA_REMOTE_KEY: TEST_KEY };
  for (const [argv, env, why] of [
    [["sessions", "--data-dir", "/nonexistent"], own, "Put one into CAPTCHA_REMOTE_KEY, or give --key."],
    [["sessions", "--key", "crk_wrong-0123456789"], own, "unauthorized: "],
    [["sessions", "--url", "http://127.0.0.1:1", "--key", TEST_KEY], {}, "server_unreachable: "],
    [["sessions", "--url", "nonsense"], {}, "--url: nonsense is no address"],
    [["session", "nobody"], keyed, "session_not_found: "],
    [["session"], keyed, "session: the id of a session is missing"],
    [["sessions", "what"], keyed, "sessions: what is what?"],
    [["history", "--state", "waiting"], keyed, "invalid_message: "],
  ] as const) {
    const { code, out } = await runCommand(argv, env);
    expect([code, out.includes(why)], out).toEqual([1, true]);
  }
  const { code, out } = await runProgram(["session", "nobody"], keyed);
  expect([code, out.includes("session_not_found: ")], out).toEqual([1, true]);
  expect(out).not.toContain("    at ");
});
