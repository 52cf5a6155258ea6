/** The state that a client carries between two answers of one call. */

import { createRequestStateCodec, type ServerContext } from "@modelcontextprotocol/server";
import { expect, test } from "@playwright/test";
import { callOf, RequestStates, type StateKey } from "../../src/mcp/request-state.ts";

/** The codec hands it to the binding, which does not look at it. */
const CONTEXT = {} as ServerContext;
const STATE = { session_id: "s", call: callOf("wait_for_human", { session_id: "s" }), round: 1 };
const key = (kid: string): StateKey => ({ kid, secret: new Uint8Array(32).fill(kid.charCodeAt(0)) });

function statesOf(who: string, ...[current = key("a"), ...older]: StateKey[]): RequestStates {
  return new RequestStates({ current, find: (kid) => [current, ...older].find((one) => one.kid === kid) }, who);
}

test("[M3] a state is its caller's, survives a new secret, and ends with its own", async () => {
  const minted = await statesOf("key:1").mint(STATE, CONTEXT);
  expect(await statesOf("key:1").verify(minted, CONTEXT)).toEqual(STATE);
  expect(await statesOf("key:1", key("b"), key("a")).verify(minted, CONTEXT)).toEqual(STATE);
  await expect(statesOf("key:2").verify(minted, CONTEXT)).rejects.toThrow("bind");
  await expect(statesOf("key:1", key("b")).verify(minted, CONTEXT)).rejects.toThrow("no known key");
  await expect(statesOf("key:1").verify(minted.replace(/^a~/, "b~"), CONTEXT)).rejects.toThrow("no known key");
});

test("[M3] an expired state is refused, and so is one that says something else", async () => {
  const codec = (ttlSeconds: number) =>
    createRequestStateCodec<unknown>({ key: key("a").secret, ttlSeconds, bind: () => "key:1" });
  const minted = async (ttl: number, payload: unknown) => `a~${await codec(ttl).mint(payload, CONTEXT)}`;
  expect(await statesOf("key:1").verify(await minted(60, STATE), CONTEXT)).toEqual(STATE);
  await expect(statesOf("key:1").verify(await minted(-60, STATE), CONTEXT)).rejects.toThrow("expired");
  await expect(statesOf("key:1").verify(await minted(60, { ...STATE, round: 0 }), CONTEXT)).rejects.toThrow();
});

test("[M3] another tool, or other arguments, are another call", () => {
  const calls = [callOf("a", { x: 1 }), callOf("b", { x: 1 }), callOf("a", { x: 2 })];
  expect(new Set(calls).size).toBe(3);
});
