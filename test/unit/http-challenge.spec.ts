/** [W50] What a site says with the answer 401. */
import { expect, test } from "@playwright/test";
import { challengeOf } from "../../src/browser/assist/http-challenge.ts";
import { createSessionSchema } from "../../src/protocol/rest.ts";
import { moveUrlCredentials } from "../../src/session/url-credentials.ts";

const CHALLENGES: readonly [header: string | undefined, realm: string | null][] = [
  [undefined, null],
  ["", null],
  ['Bearer realm="api"', null],
  ["Negotiate", null],
  ["NTLM", null],
  ["Basic", ""],
  ['Basic realm="Staff"', "Staff"],
  ["basic realm=Staff", "Staff"],
  ['BASIC charset="UTF-8", realm="a \\"b\\" c"', 'a "b" c'],
  ['Digest realm="Staff", nonce="n", qop="auth"', "Staff"],
  ['Negotiate\nBasic realm="Staff"', "Staff"],
  ['Bearer realm="api", Basic realm="Staff"', "Staff"],
  [`Basic realm="${"x".repeat(5_000)}"`, "x".repeat(200)],
];

for (const [header, realm] of CHALLENGES) {
  test(`[W50] ${header?.slice(0, 60) ?? "no header"} asks ${realm === null ? "for no password" : `for "${realm.slice(0, 20)}"`}`, () => {
    const headers: Record<string, string> = header === undefined ? {} : { "WWW-Authenticate": header };
    expect(challengeOf(headers)).toEqual(realm === null ? null : { realm });
  });
}

for (const [given, username, password] of [
  ["ada:secret", "ada", "secret"],
  ["ada", "ada", ""],
  ["a%40b:p%3Aw%25", "a@b", "p:w%"],
  ["ada:100%", "ada", "100%"],
  ["ada:%ff", "ada", "%ff"],
] as const) {
  test(`[W50] [R10] credentials in the address go to http_credentials: ${given}`, () => {
    const moved = moveUrlCredentials(createSessionSchema.parse({ url: `https://${given}@shop.example/a?b#c` }));
    expect(moved).toMatchObject({ url: "https://shop.example/a?b#c", http_credentials: { username, password } });
  });
}
