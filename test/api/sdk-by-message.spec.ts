/** The SDK's connection behind proxies that drop the header of subprotocols, in Node and with two WebSocket classes. */
import { WebSocket as SocketOfWs } from "ws";
import { type ConnectionOptions, decodeFrame, OperatorConnection, type ServerMessage } from "../../src/sdk/index.ts";
import { FAULTS, startDroppingProxy } from "../support/dropping-proxy.ts";
import { createPressable } from "../support/embedded.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";
import { call, test } from "../support/requests.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[W59] the SDK comes in behind each such proxy, with binary pictures and its view, by link and by key", async ({
  startServer,
  bot,
  site,
}) => {
  const proxy = await startDroppingProxy(FAULTS[0]);
  const server = await startServer({ PUBLIC_URL: proxy.url });
  proxy.leadTo(server.listening);
  for (const [index, fault] of FAULTS.slice(0, 3).entries()) {
    proxy.become(fault);
    const { session_id: sessionId, control_url: link } = await createPressable(server, bot, site);
    const options: ConnectionOptions =
      index % 2 === 0 ? { link } : { baseUrl: proxy.url, sessionId, apiKey: TEST_KEY, WebSocket: SocketOfWs };
    const connection = new OperatorConnection(options);
    const received: ServerMessage[] = [];
    const pictures: unknown[] = [];
    connection.on("message", (message) => received.push(message));
    connection.on("binary", (data) => pictures.push(decodeFrame(data)?.header.type));
    connection.send({ type: "view", mode: "page" });
    connection.open();
    await expect.poll(() => pictures[0], fault).toBe("frame");
    const info = received.find(({ type }) => type === "session_info");
    expect(info, fault).toMatchObject({ view: { x: 0, y: 0, width: 1280, height: 720 }, confirms: true });
    connection.send({ type: "finish", outcome: "cannot" });
    await expect.poll(() => connection.state.name, fault).toBe("CLOSED");
    const { body } = await call("GET", `${server.api}/session/${sessionId}/result`);
    expect(body, fault).toMatchObject({ outcome: "failed", reason: "operator_gave_up" });
  }
  await proxy.close();
});

test("[W59] where no socket gets through the SDK says so, and tries on", async ({ startServer, bot, site }) => {
  const proxy = await startDroppingProxy("lets no socket through");
  const server = await startServer({ PUBLIC_URL: proxy.url });
  proxy.leadTo(server.listening);
  const { control_url: link } = await createPressable(server, bot, site);
  const connection = new OperatorConnection({ link });
  const codes: string[] = [];
  connection.on("message", (message) => message.type === "error" && codes.push(message.code));
  connection.open();
  await expect.poll(() => codes).toEqual(["sockets_blocked"]);
  await expect.poll(() => proxy.upgrades.length).toBeGreaterThan(2);
  expect(codes).toEqual(["sockets_blocked"]);
  proxy.become("answers 400 to the header");
  await expect.poll(() => connection.state.name).toBe("CONNECTED");
  connection.close();
  await proxy.close();
});
