/** The SDK's links and connections against a real server: a link acts or watches until it is revoked, a key acts. */
import {
  CaptchaRemoteClient,
  CaptchaRemoteError,
  type ConnectionOptions,
  OperatorConnection,
  type ServerMessage,
} from "../../src/sdk/index.ts";
import { test as base, expect } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";

const PAGE = `<div id="my-captcha" style="width:300px;height:200px;background:#cde"></div>`;

const test = base.extend<{
  join: (options: ConnectionOptions) => { connection: OperatorConnection; received: ServerMessage[] };
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  join: async ({}, use) => {
    const connections: OperatorConnection[] = [];
    await use((options) => {
      const connection = new OperatorConnection(options);
      connections.push(connection);
      const received: ServerMessage[] = [];
      connection.on("message", (message) => received.push(message));
      connection.open();
      return { connection, received };
    });
    for (const connection of connections) connection.close();
  },
});

test("[R13] [R16] a control link, a watching link and the key open the session; a revoked link does not any more", async ({
  server,
  bot,
  site,
  join,
}) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const { session_id: id, control_url: link } = await bot.createGuest({ url: site.serve("/page", PAGE) });
  const watching = await client.createLink(id, { role: "watch", ttlSeconds: 60 });
  const soon = { retries: { authentication: { firstMs: 10, longestMs: 20 } } };
  for (const [options, role] of [
    [{ link }, "control"],
    [{ link: watching.url }, "watch"],
    [{ baseUrl: server.url, sessionId: id, apiKey: TEST_KEY }, "control"],
    [{ baseUrl: server.url, sessionId: id, token: new URL(link).hash.slice(1) }, "control"],
  ] as const) {
    const { connection, received } = join(options);
    await expect.poll(() => received.find(({ type }) => type === "session_info")).toMatchObject({ role });
    connection.close();
  }
  const watcher = join({ link: watching.url, ...soon });
  await expect.poll(() => watcher.connection.state.name).toBe("CONNECTED");
  await client.revokeLink(id, watching.link_id);
  await expect.poll(() => watcher.connection.state).toMatchObject({ name: "FAILED", loss: "authentication" });
  const again = await client.revokeLink(id, watching.link_id).catch((error: unknown) => error);
  expect(again).toBeInstanceOf(CaptchaRemoteError);
  expect(again).toMatchObject({ code: "link_not_found", status: 404 });
});

test("[R16] a ticket of the client's opens a socket once", async ({ server, bot, site, join }) => {
  const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
  const { session_id: id, ws_url: url } = await bot.createGuest({ url: site.serve("/page", PAGE) });
  const { ticket } = await client.ticket(id);
  const protocols = ["captcha.json.v1", `captcha.ticket.${ticket}`];
  const first = join({ url, protocols, retries: { authentication: { tries: 0 } } });
  await expect.poll(() => first.connection.state.name).toBe("CONNECTED");
  const second = join({ url, protocols, retries: { authentication: { tries: 0 } } });
  await expect.poll(() => second.connection.state).toMatchObject({ name: "FAILED", code: 4401 });
});
