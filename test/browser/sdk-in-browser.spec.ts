/** The SDK in a real browser, on a page of the server's own origin. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type * as Sdk from "../../src/sdk/index.ts";
import { expect, test } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";

const ENTRY = fileURLToPath(new URL("../../src/sdk/index.ts", import.meta.url));
const CHALLENGE_PAGE = `<!doctype html><div id="my-captcha" style="width:300px;height:200px;background:#cde"></div>`;

// The server's own pages may not load strange scripts.
test.use({ bypassCSP: true });

test("[R10] [R11] [W2] [W17] create, an operator connection, and the result, all within a browser", async ({
  page,
  server,
  site,
}) => {
  const bundled = await build({ entryPoints: [ENTRY], bundle: true, platform: "neutral", write: false });
  const code = bundled.outputFiles[0]?.text ?? "";
  await page.route(`${server.url}/sdk.js`, (route) => route.fulfill({ contentType: "text/javascript", body: code }));
  // Any page that really comes from the server.
  await page.goto(`${server.url}/healthz`);
  const seen = await page.evaluate(
    async ({ url, baseUrl, apiKey, sdkUrl }) => {
      const sdk: typeof Sdk = await import(sdkUrl);
      const client = new sdk.CaptchaRemoteClient({ baseUrl, apiKey });
      const said: string[] = [];
      const result = await client.solve(
        { url },
        {
          onLink: (link) => {
            const connection = new sdk.OperatorConnection({ link });
            connection.on("state", ({ name }) => said.push(name));
            connection.on("binary", (data) => {
              const picture = sdk.decodeFrame(data);
              if (picture !== null) connection.send({ type: "finish", outcome: "cannot" });
            });
            connection.open();
          },
        },
      );
      const error = await client.extend("nobody", 1).catch((reason: Sdk.CaptchaRemoteError) => reason.code);
      return { said: said.slice(0, 2), outcome: result.outcome, reason: result.reason, error };
    },
    { url: site.serve("/", CHALLENGE_PAGE), baseUrl: server.url, apiKey: TEST_KEY, sdkUrl: `${server.url}/sdk.js` },
  );
  expect(seen).toEqual({
    said: ["CONNECTING", "CONNECTED"],
    outcome: "failed",
    reason: "operator_gave_up",
    error: "session_not_found",
  });
});
