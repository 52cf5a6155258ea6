/** The examples: the documents show them as they are, and they run. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mergeTests } from "@playwright/test";
import { BRIEF_SEARCH_MS } from "../support/fixtures.ts";
import { expect, test as withBots } from "../support/guest.ts";
import { TEST_KEY } from "../support/key.ts";
import { type Connect, openLink } from "../support/open-link.ts";
import { type Program, watchProgram } from "../support/programs.ts";
import { CLIENT_FOLDER, pythonWith } from "../support/python.ts";
import { call, test as withServers } from "../support/requests.ts";
import { SECRET } from "../support/webhook-receiver.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Where each example is shown in full. */
const SHOWN = [
  ["README.md", "examples/bot.sh"],
  ["README.zh-CN.md", "examples/bot.sh"],
  ["docs/protocol/bots.md", "examples/bot.ts"],
  ["docs/protocol/events.md", "examples/webhook.ts"],
  ["docs/embedding.md", "examples/embed/page.html"],
  ["docs/embedding.md", "examples/embed/react.jsx"],
] as const;
/** Nothing to find in it: the rules stay unknown, so that the operator's word decides. */
const PLAIN_PAGE = "<title>Shop</title><h1>Shop</h1>";
const BLOCKED_PAGE = `<title>Shop</title><div id="captcha" style="width:300px;height:200px;background:#cde"></div>
  <script>onpointerup = () => { document.querySelector("#captcha").remove(); document.title = "Cleared"; }</script>`;

/** The Python client as it is in its folder; no caches are left there. */
const PYTHON_PATHS = { PYTHONPATH: `${CLIENT_FOLDER}/src`, PYTHONDONTWRITEBYTECODE: "1" };

interface Run extends Program {
  /** Waits for the operator link that the example prints. */
  readonly asked: () => Promise<string>;
}

const test = mergeTests(withServers, withBots).extend<{
  run: (command: string, args: readonly string[], env?: Record<string, string>) => Run;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  run: async ({}, use) => {
    const children: ChildProcess[] = [];
    await use((command, args, given = {}) => {
      // The test runner asks for colours, which are no part of what the examples print.
      const env = { ...process.env, FORCE_COLOR: "0", CAPTCHA_REMOTE_KEY: TEST_KEY, ...given };
      const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
      children.push(child);
      return watch(child);
    });
    for (const child of children) child.kill();
  },
});

/** Selenium's driver of this machine's Chromium. */
function findDriver(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const places = [process.env["CHROMEDRIVER_PATH"], ...folders.map((folder) => join(folder, "chromedriver"))];
  return places.find((path) => path !== undefined && existsSync(path));
}

/** Free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function watch(child: ChildProcess): Run {
  const program = watchProgram(child);
  return {
    ...program,
    asked: async () => {
      await expect.poll(program.out).toMatch(/Please clear it: \S+\n/);
      return /clear it: (\S+)\n/.exec(program.out())?.[1] ?? "";
    },
  };
}

/** The operator's part: opens the link that the example prints, and says that it is done. */
async function clear(asked: Promise<string>, connect: Connect): Promise<void> {
  const operator = await openLink(await asked, connect);
  await operator.next("session_info");
  operator.send({ type: "finish", outcome: "done" });
}

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

for (const [document, example] of SHOWN) {
  test(`${document} shows ${example} as it is`, () => {
    const language = example.slice(example.lastIndexOf(".") + 1);
    const text = readFileSync(`${ROOT}${document}`, "utf8");
    expect(text).toContain(`\`\`\`${language}\n${readFileSync(`${ROOT}${example}`, "utf8")}\`\`\``);
  });
}

for (const readme of ["README.md", "README.zh-CN.md"]) {
  test(`${readme} fits a newcomer: at most 160 lines, with the commands that start and test`, () => {
    const text = readFileSync(`${ROOT}${readme}`, "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(160);
    for (const command of ["npm start", "npm test"]) expect(text).toContain(`\`\`\`sh\n${command}\n\`\`\``);
  });
}

test("[R6] [R11] [W17] bot.ts learns that the operator is done", async ({ run, server, site, connect }) => {
  const bot = run(process.execPath, ["examples/bot.ts", site.serve("/shop", PLAIN_PAGE), server.api]);
  const operator = await openLink(await bot.asked(), connect);
  await operator.next("session_info");
  operator.send({ type: "finish", outcome: "done" });
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toMatch(/outcome: 'solved',\s+reason: 'operator_done',\s+verified: 'operator'/);
});

test("[R6] [R11] [W17] bot.sh learns that the operator gave up", async ({ run, server, site, connect }) => {
  const bot = run("sh", ["examples/bot.sh", site.serve("/shop", PLAIN_PAGE), server.api]);
  const operator = await openLink(await bot.asked(), connect);
  await operator.next("session_info");
  operator.send({ type: "finish", outcome: "cannot" });
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toContain('{"outcome":"failed","reason":"operator_gave_up"');
});

test("[R10] [R6] playwright-bot.ts hands its own page over and goes on in it", async ({
  run,
  server,
  site,
  connect,
}) => {
  const env = { DEBUGGING_PORT: String(await freePort()) };
  const bot = run(process.execPath, ["examples/playwright-bot.ts", site.serve("/shop", BLOCKED_PAGE), server.url], env);
  const operator = await openLink(await bot.asked(), connect);
  const { captcha_info: box } = await operator.next("session_info");
  const at = { x: (box?.x ?? 0) + 20, y: (box?.y ?? 0) + 20, button: "left" };
  operator.send({ type: "mouse_event", event_type: "down", ...at, buttons: 1 });
  operator.send({ type: "mouse_event", event_type: "up", ...at, buttons: 0 });
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toContain('Back to work on "Cleared"');
});

test("[R28] [R6] relay-bot.ts lends its page to a server that could not reach it, and goes on in it", async ({
  run,
  server,
  site,
  connect,
}) => {
  const bot = run(process.execPath, ["examples/relay-bot.ts", site.serve("/shop", BLOCKED_PAGE), server.url]);
  const operator = await openLink(await bot.asked(), connect);
  const { captcha_info: box } = await operator.next("session_info");
  const at = { x: (box?.x ?? 0) + 20, y: (box?.y ?? 0) + 20, button: "left" };
  operator.send({ type: "mouse_event", event_type: "down", ...at, buttons: 1 });
  operator.send({ type: "mouse_event", event_type: "up", ...at, buttons: 0 });
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toContain('Back to work on "Cleared"');
});

test("[R10] [R6] puppeteer-bot.ts hands its own page over and goes on in it @long", async ({
  run,
  server,
  site,
  connect,
}) => {
  const bot = run(process.execPath, ["examples/puppeteer-bot.ts", site.serve("/shop", PLAIN_PAGE), server.url]);
  await clear(bot.asked(), connect);
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toContain('solved, and back to work on "Shop"');
});

test("[R10] [R6] python_bot.py hands a page over and goes on in it, with the Python client", async ({
  run,
  server,
  site,
  connect,
  botBrowser,
}) => {
  const args = ["examples/python_bot.py", site.serve("/shop", PLAIN_PAGE), server.url, botBrowser.endpoint];
  const bot = run("python3", args, PYTHON_PATHS);
  await clear(bot.asked(), connect);
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toContain('solved, and back to work on "Shop"');
});

test("[R28] [R6] relay_bot.py lends its page to a server that could not reach it, and goes on in it @long", async ({
  run,
  server,
  site,
  connect,
  botBrowser,
}) => {
  const python = pythonWith("websockets");
  test.skip(python === undefined, "no Python here has websockets: apt-get install python3-websockets");
  const args = ["examples/relay_bot.py", site.serve("/shop", PLAIN_PAGE), server.url, botBrowser.endpoint];
  const bot = run(python ?? "", args, PYTHON_PATHS);
  await clear(bot.asked(), connect);
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toContain('solved, and back to work on "Shop"');
});

test("[M1] [R10] agent.ts works beside playwright-mcp: it is stopped, a person clears the page, and it goes on there", async ({
  run,
  server,
  site,
  connect,
  botBrowser,
}) => {
  const args = ["examples/agent/agent.ts", site.serve("/shop", BLOCKED_PAGE), server.url, botBrowser.endpoint];
  const agent = run(process.execPath, args);
  const operator = await openLink(await agent.asked(), connect);
  const { captcha_info: box } = await operator.next("session_info", ({ captcha_info }) => captcha_info !== null);
  const at = { x: (box?.x ?? 0) + 20, y: (box?.y ?? 0) + 20, button: "left" };
  operator.send({ type: "mouse_event", event_type: "down", ...at, buttons: 1 });
  operator.send({ type: "mouse_event", event_type: "up", ...at, buttons: 0 });
  expect(await agent.exitCode, agent.out()).toBe(0);
  expect(agent.out()).toContain('Back to work on "Cleared"');
});

test("[R10] [R6] selenium_bot.py hands its driver's page over and goes on in it", async ({
  run,
  server,
  site,
  connect,
}) => {
  const python = pythonWith("selenium.webdriver");
  const driver = findDriver();
  test.skip(python === undefined, "no Python here has Selenium: apt-get install python3-selenium");
  test.skip(driver === undefined, "there is no chromedriver: apt-get install chromium-driver, or CHROMEDRIVER_PATH");
  const env = { ...PYTHON_PATHS, CHROMEDRIVER_PATH: driver ?? "" };
  const bot = run(python ?? "", ["examples/selenium_bot.py", site.serve("/shop", PLAIN_PAGE), server.url], env);
  await clear(bot.asked(), connect);
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toContain('solved, and back to work on "Shop"');
});

for (const kind of ["LangGraph", "a stand-in for LangGraph"]) {
  test(`[R10] [R6] [R11] langgraph_bot.py stops for a person and resumes, on ${kind}`, async ({
    run,
    server,
    site,
    connect,
  }) => {
    const isReal = kind === "LangGraph";
    const python = isReal ? pythonWith("langgraph.graph") : "python3";
    test.skip(python === undefined, "no Python here has LangGraph: pip install langgraph");
    const paths = isReal ? [] : [`${ROOT}test/support/python/stand-in`];
    const env = { ...PYTHON_PATHS, PYTHONPATH: [PYTHON_PATHS.PYTHONPATH, ...paths].join(":") };
    const page = site.serve("/shop", (_request, response) => {
      response.setHeader("set-cookie", "cart=full").setHeader("content-type", "text/html").end(PLAIN_PAGE);
    });
    const bot = run(python ?? "", ["examples/langgraph_bot.py", page, server.url], env);
    await clear(bot.asked(), connect);
    expect(await bot.exitCode, bot.out()).toBe(0);
    expect(bot.out()).toContain("solved, and back to work with 1 cookies");
  });
}

test("[R10] fastify-bot.ts hands its page over within its own process", async ({ run, site, connect }) => {
  const port = String(await freePort());
  const bot = run(process.execPath, ["examples/fastify-bot.ts", site.serve("/shop", PLAIN_PAGE), port]);
  await clear(bot.asked(), connect);
  expect(await bot.exitCode, bot.out()).toBe(0);
  expect(bot.out()).toContain('solved, and back to work on "Shop"');
});

test("[R10] webhook.ts receives what is signed, once, and nothing else", async ({ run, startServer, site }) => {
  const example = run(process.execPath, ["examples/webhook.ts", SECRET, "0"]);
  await expect.poll(() => example.out()).toMatch(/port: \d+/);
  const callback_url = `http://127.0.0.1:${/port: (\d+)/.exec(example.out())?.[1]}/`;
  const server = await startServer({ URL_ALLOW_PRIVATE: "on" });
  const body = { url: site.serve("/shop", PLAIN_PAGE), callback_url, callback_secret: SECRET };
  const { session_id: id } = (await call("POST", `${server.api}/sessions`, body)).body;
  const unsigned = {
    id: "evt_1",
    type: "session.ended",
    timestamp: new Date().toISOString(),
    data: { session_id: id },
  };
  expect((await call("POST", callback_url, unsigned)).status).toBe(400);
  expect(example.out()).not.toContain("session.ended");
  await call("DELETE", `${server.api}/session/${id}`);
  await expect.poll(() => example.out()).toContain("session.ended");
  expect(example.out()).toMatch(/outcome: 'cancelled',\s+reason: 'cancelled_by_bot'/);
});
