/** [R33] How long a creation waits for a challenge on a page that shows none. */
import type { ServerResponse } from "node:http";
import { unchangedMs } from "../../src/browser/challenge/in-page-changes.ts";
import { expect } from "../support/fixtures.ts";
import { call, test } from "../support/requests.ts";

/** Longer than any of these pages takes, so that what ends the search is the page itself. */
const ENDLESS = { challengeSearchMs: 600_000 };
/** Longer than a page must rest. */
const LATE_MS = 1_000;
/** Shows a challenge from then on. */
const SHOW = `const show = () => {
  const box = document.createElement("div");
  box.id = "captcha-box";
  box.style = "width:300px;height:200px;background:#ddd";
  document.body.append(box);
};`;

test("[R33] a page at rest answers at once, also while a stream is open; its challenge is told when it comes", async ({
  startServer,
  site,
}) => {
  const { api } = await startServer({}, ENDLESS);
  const streams: ServerResponse[] = [];
  site.serve("/stream", (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    streams.push(response);
  });
  const url = site.serve(
    "/",
    `<body><h1>shop</h1><script>${SHOW} new EventSource("/stream").onmessage = show;</script></body>`,
  );
  const { body } = await call("POST", `${api}/sessions`, { url });
  expect(body).toMatchObject({ state: "waiting", captcha_info: null });
  for (const stream of streams) stream.write("data: now\n\n");
  await expect
    .poll(async () => (await call("GET", `${api}/session/${body.session_id}`)).body.captcha_info)
    .toMatchObject({ kind: "generic" });
});

test("[R33] a page is waited for while a request is under way, and once a script of a known kind has come", async ({
  startServer,
  site,
}) => {
  const { api } = await startServer({}, ENDLESS);
  site.serve("/slow", (_request, response) => void setTimeout(() => response.end("{}"), LATE_MS));
  site.serve("/vendor/captcha.js", (_request, response) => {
    response.setHeader("content-type", "text/javascript").end(`setTimeout(show, ${LATE_MS})`);
  });
  const url = site.serve(
    "/",
    `<body><h1>shop</h1><script>${SHOW}
      fetch("/slow").then(() => {
        const script = document.createElement("script");
        script.src = "/vendor/captcha.js";
        document.body.append(script);
      });
    </script></body>`,
  );
  const { body } = await call("POST", `${api}/sessions`, { url });
  expect(body).toMatchObject({ state: "waiting", captcha_info: { kind: "generic" } });
});

test("[R33] what changes in a document, and in its shadow roots, begins the time anew", async ({ page }) => {
  await page.setContent(`<p id="text">text</p><div id="host"></div>`);
  await page.evaluate(`globalThis.unchangedMs = ${unchangedMs};
    globalThis.captchaRemoteRoots = [document.getElementById("host").attachShadow({ mode: "closed" })];
    unchangedMs();`);
  for (const change of [
    `document.body.append("more")`,
    `document.getElementById("text").firstChild.data = "other"`,
    `document.getElementById("text").className = "other"`,
    `captchaRemoteRoots[0].append(document.createElement("p"))`,
  ]) {
    const [before, after] = await page.evaluate<[number, number]>(`(async () => {
      while (unchangedMs() < 100) await new Promise((done) => setTimeout(done, 20));
      const before = unchangedMs();
      ${change};
      await 0;
      return [before, unchangedMs()];
    })()`);
    expect(after, change).toBeLessThan(before);
  }
});

test("[R33] a page that changes without end does not come to rest", async ({ page }) => {
  await page.setContent(`<p id="text">text</p>`);
  await page.evaluate(`globalThis.unchangedMs = ${unchangedMs}; unchangedMs();`);
  await page.evaluate(`(async () => {
    for (let change = 0; change < 3_000; change += 1) document.getElementById("text").title = String(change);
    await 0;
  })()`);
  expect(await page.evaluate("unchangedMs()")).toBe(0);
});
