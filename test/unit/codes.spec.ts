/** Six-digit codes: once, for ten minutes, and five wrong ones over all codes of a session. */
import { expect, test } from "@playwright/test";
import { CODE_LIFETIME_MS, Codes, MAX_WRONG_CODES } from "../../src/auth/codes.ts";

const UID = "uid-1";
const other = (code: string) => (code === "000000" ? "111111" : "000000");

function withClock() {
  let now = 1_000_000;
  const pass = (ms: number) => {
    now += ms;
  };
  return { codes: new Codes(() => now), pass };
}

function issue(codes: Codes): string {
  const issued = codes.issue(UID);
  expect(issued?.code).toMatch(/^\d{6}$/);
  return issued?.code ?? "";
}

test("[M6] a code is right once, until it expires, and another session has none", () => {
  const { codes, pass } = withClock();
  expect(codes.redeem(UID, "000000")).toBe("unknown");
  const code = issue(codes);
  expect(codes.redeem("uid-2", code)).toBe("unknown");
  expect(codes.redeem(UID, code)).toBe("right");
  expect(codes.redeem(UID, code)).toBe("wrong");
  const next = issue(codes);
  pass(CODE_LIFETIME_MS);
  expect(codes.redeem(UID, next)).toBe("wrong");
});

test("[M6] asked again while there is time to type it, it is the same; later it is another, and the old one is void", () => {
  const { codes, pass } = withClock();
  const code = issue(codes);
  pass(CODE_LIFETIME_MS / 2 - 1);
  expect(issue(codes)).toBe(code);
  pass(1);
  const next = codes.issue(UID);
  expect(next?.expires_at).toBe(1_000_000 + CODE_LIFETIME_MS / 2 + CODE_LIFETIME_MS);
  // One in a million draws is the same again.
  if (next?.code !== code) expect(codes.redeem(UID, code)).toBe("wrong");
});

test("[M6] wrong ones count over all codes of a session; then none is made any more", () => {
  const { codes, pass } = withClock();
  for (let wrong = 0; wrong < MAX_WRONG_CODES; wrong += 1) {
    expect(codes.redeem(UID, other(issue(codes)))).toBe("wrong");
    pass(CODE_LIFETIME_MS);
  }
  expect(codes.issue(UID)).toBeNull();
  expect(codes.redeem(UID, "123456")).toBe("spent");
});
