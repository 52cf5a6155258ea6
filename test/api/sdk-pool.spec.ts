/** The SDK's pool and its operator connection against a real server. */
import {
  CaptchaRemoteClient,
  ConnectionPool,
  type ConnectionState,
  decodeFrame,
  OperatorConnection,
} from "../../src/sdk/index.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const CHALLENGE_PAGE = `<!doctype html><div id="my-captcha" style="width:300px;height:200px;background:#cde"></div>`;

test("[R6] a pool watches more sessions than it has requests, and each watch gets its own result @long", async ({
  server,
  site,
  bot,
}) => {
  const url = site.serve("/", CHALLENGE_PAGE);
  let under = 0;
  let most = 0;
  const client = new CaptchaRemoteClient({
    apiKey: TEST_KEY,
    baseUrl: server.url,
    fetch: async (...request) => {
      // All that a watch asks: polls and results.
      const isOfWatch = request[1]?.method === "GET";
      under += isOfWatch ? 1 : 0;
      most = Math.max(most, under);
      try {
        return await fetch(...request);
      } finally {
        under -= isOfWatch ? 1 : 0;
      }
    },
  });
  const sessions = await Promise.all([1, 2, 3, 4, 5].map(() => bot.createGuest({ url })));
  const pool = new ConnectionPool(client, { mostRequests: 2, mostWatched: 5 });
  const watches = sessions.map(({ session_id: id }) => pool.watch(id));
  expect(pool.size).toBe(5);
  await expect(pool.watch("one-more")).rejects.toMatchObject({ code: "capacity" });
  await expect.poll(() => most).toBe(2);
  for (const { session_id: id } of sessions) await client.cancel(id);
  for (const result of await Promise.all(watches)) expect(result.outcome).toBe("cancelled");
  expect(pool.size).toBe(0);
  expect(most).toBe(2);
});

test("watching gives nobody control, closing ends the watches and not the sessions", async ({ server, site, bot }) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const pool = new ConnectionPool(client, { mostRequests: 1 });
  const { session_id: id } = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE) });
  const states: string[] = [];
  const first = pool.watch(id, { onState: (state) => states.push(state) });
  await expect.poll(() => states).toEqual(["waiting"]);
  const stop = new AbortController();
  const waiting = pool.watch(id, { signal: stop.signal });
  stop.abort(new Error("not this one"));
  await expect(waiting).rejects.toThrow("not this one");
  expect(pool.size).toBe(1);
  pool.close();
  await expect(first).rejects.toMatchObject({ name: "AbortError" });
  await expect(pool.watch(id)).rejects.toMatchObject({ name: "AbortError" });
  expect((await bot.info(id)).state).toBe("waiting");
});

test("[W2] [W23] [W17] [W6] an operator connection shows a session and ends with it", async ({ site, bot }) => {
  const { session_id: id, control_url: link } = await bot.createGuest({ url: site.serve("/", CHALLENGE_PAGE) });
  const connection = new OperatorConnection({ link });
  const states: ConnectionState[] = [];
  const types: string[] = [];
  const pictures: number[] = [];
  connection.on("state", (state) => states.push(state));
  connection.on("message", ({ type }) => types.push(type));
  const forget = connection.on("binary", (data) => pictures.push(decodeFrame(data)?.header.seq ?? -1));
  // Said before the line is there: it goes out once it is.
  expect(connection.send({ type: "finish", outcome: "cannot" })).toBe("queued");
  connection.close();
  expect(connection.state).toEqual({ name: "CLOSED", code: 1000 });
  forget();

  const second = new OperatorConnection({ link });
  second.on("state", (state) => states.push(state));
  second.on("message", ({ type }) => types.push(type));
  second.on("binary", (data) => pictures.push(decodeFrame(data)?.header.seq ?? -1));
  second.open();
  await expect.poll(() => pictures.length).toBeGreaterThan(0);
  expect(pictures).not.toContain(-1);
  expect(types[0]).toBe("session_info");
  expect(second.send({ type: "finish", outcome: "cannot" })).toBe("sent");
  await expect.poll(() => second.state).toEqual({ name: "CLOSED", code: 4410 });
  expect(states.map(({ name }) => name)).toEqual(["CLOSED", "CONNECTING", "CONNECTED", "CLOSED"]);
  expect(await bot.result(id)).toMatchObject({ outcome: "failed", reason: "operator_gave_up" });
});

test("[W2] an operator connection to an unknown session fails for good", async ({ server }) => {
  const connection = new OperatorConnection({ baseUrl: server.url, sessionId: "nobody", apiKey: TEST_KEY });
  connection.open();
  await expect.poll(() => connection.state).toEqual({ name: "FAILED", code: 4404, loss: "refused" });
});
