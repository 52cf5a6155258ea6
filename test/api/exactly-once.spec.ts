/** [W30] Numbered messages on a real server: done once, confirmed each time. */
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import type { LiveClient } from "../support/live-client.ts";
import { call, REPORTING, reportsOf, test } from "../support/requests.ts";

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const JSON_CLIENT = { protocols: ["captcha.json.v1"] };
const CLIENT = "k3f9x2mbq07zt1cd";
const FIELD_PAGE = `<!doctype html>${REPORTING}<input autofocus><script>
  document.querySelector("input").oninput = ({ target }) => report(["value", target.value]);
</script>`;

const confirmed = (client: LiveClient, id: string) => client.next("done", ({ reply_to }) => reply_to === id);

test("[W30] a numbered message is done once, on whatever line it comes again, and confirmed each time", async ({
  server,
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const session = await bot.create({ url: site.serve("/", FIELD_PAGE), timeout_seconds: 60 });
  const expiresAt = async () =>
    Date.parse((await call("GET", `${server.api}/session/${session.session_id}`)).body.expires_at);
  const before = await expiresAt();
  const messages = [
    { type: "text", text: "a", id: `${CLIENT}-1` },
    { type: "extend", seconds: 100, id: `${CLIENT}-2` },
    { type: "text", text: "b", id: `${CLIENT}-4` },
  ];
  for (let turn = 0; turn < 2; turn += 1) {
    const client = await connect(session.ws_url, JSON_CLIENT);
    expect(await client.next("session_info")).toMatchObject({ confirms: true });
    for (const message of [...messages, ...messages]) client.send(message);
    await confirmed(client, `${CLIENT}-4`);
    client.socket.close();
    await client.closed;
    expect(client.received.filter(({ type }) => type === "done").length).toBeGreaterThanOrEqual(3);
  }
  expect((await expiresAt()) - before).toBe(100_000);
  const client = await connect(session.ws_url, JSON_CLIENT);
  await client.next("session_info");
  // Late by way of an older line: what came behind it was done already.
  client.send({ type: "text", text: "late", id: `${CLIENT}-3` });
  client.send({ type: "text", text: "c", id: `${CLIENT}-5` });
  await confirmed(client, `${CLIENT}-5`);
  await expect.poll(() => reports.at(-1)).toEqual(["value", "abc"]);
});

test("[W30] [W1] other ids mean no more than ever, and what is refused is answered by its error alone", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const session = await bot.createGuest({ url: site.serve("/", FIELD_PAGE) });
  const older = await connect(session.ws_url);
  await older.next("presence");
  expect(older.received[0]).not.toHaveProperty("confirms");
  for (const id of ["a-1", "a-1", 1, 1]) older.send({ type: "text", text: "a", id });
  await expect.poll(() => reports.at(-1)).toEqual(["value", "aaaa"]);
  expect(older.received.filter(({ type }) => type === "done")).toEqual([]);
  const watcher = await connect(session.ws_url, JSON_CLIENT);
  await watcher.next("session_info");
  watcher.send({ type: "text", text: "b", id: `${CLIENT}-1` });
  watcher.send({ type: "finish", outcome: "done", id: `${CLIENT}-2` });
  for (const id of [`${CLIENT}-1`, `${CLIENT}-2`]) {
    await watcher.next("error", ({ code, reply_to }) => code === "not_in_control" && reply_to === id);
  }
  watcher.send({ type: "take_control", id: `${CLIENT}-3` });
  await confirmed(watcher, `${CLIENT}-3`);
  expect(watcher.received.filter(({ type }) => type === "done")).toHaveLength(1);
});

test("[W30] [W17] a Done that did not end the session is answered, and its repeat only confirmed", async ({
  site,
  bot,
  connect,
}) => {
  const session = await bot.createGuest({
    url: site.serve("/", FIELD_PAGE),
    completion: { any: [{ visible: "#never" }] },
  });
  const client = await connect(session.ws_url, JSON_CLIENT);
  await client.next("session_info");
  const done = { type: "finish", outcome: "done", id: `${CLIENT}-1` };
  client.send(done);
  expect(await client.next("completion_status")).toMatchObject({ reason: "rules_not_met", reply_to: done.id });
  await confirmed(client, done.id);
  const before = client.received.length;
  client.send(done);
  await client.next("done", () => true, before);
  expect(client.received.slice(before).filter(({ type }) => type === "completion_status")).toEqual([]);
});

test("[W31] [W16] a client on a new line has its control at once, though its last line is dead without knowing", async ({
  site,
  bot,
  connect,
}) => {
  const session = await bot.createGuest({ url: site.serve("/", FIELD_PAGE) });
  const named = (name: string) => ({ protocols: ["captcha.json.v1", `captcha.client.${name}`] });
  const dead = await connect(session.ws_url, named(CLIENT));
  await dead.next("control", ({ you }) => you);
  // No answer, and no close either.
  dead.pause();
  const other = await connect(session.ws_url, named("k3f9x2mbq07zt1ce"));
  expect(await other.next("control")).toMatchObject({ you: false });
  const again = await connect(session.ws_url, named(CLIENT));
  expect(await again.next("presence")).toMatchObject({ operators: 2 });
  expect(await again.next("control")).toMatchObject({ you: true });
  again.send({ type: "text", text: "a", id: `${CLIENT}-1` });
  await confirmed(again, `${CLIENT}-1`);
  dead.resume();
  expect(await dead.closed).toMatchObject({ code: 1006 });
});
