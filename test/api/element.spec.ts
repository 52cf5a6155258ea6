/** The custom element for other sites, as it is served: small, for everybody, and kept as long as it is the same. */

import { get, type IncomingHttpHeaders } from "node:http";
import { gunzipSync } from "node:zlib";
import { expect, test } from "../support/fixtures.ts";
import { NO_KEY } from "../support/key.ts";
import { call } from "../support/requests.ts";

/** Minified, as gzip. */
const MOST_BYTES = 3_000;

/** The answer as it travels: `fetch` would unpack it. */
function rawOf(url: string): Promise<{ headers: IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { "accept-encoding": "gzip", origin: "https://shop.example" } }, async (response) =>
      resolve({ headers: response.headers, body: Buffer.concat(await response.toArray()) }),
    ).once("error", reject);
  });
}

test("[R30] element.js is one file of at most 3 kB, which any site may load", async ({ server }) => {
  const { headers, body } = await rawOf(`${server.api}/element.js`);
  expect(body.length).toBeLessThanOrEqual(MOST_BYTES);
  expect(headers).toMatchObject({
    "content-type": "text/javascript; charset=utf-8",
    "content-encoding": "gzip",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
  });
  const code = gunzipSync(body).toString();
  expect(code).toContain('"captcha-remote"');
  expect(code).not.toMatch(/\bimport\b|sourceMappingURL/);
  // What is for the console alone stays so.
  const own = await call("GET", `${server.api}/console/console.js`, undefined, NO_KEY);
  expect(own.headers.get("cross-origin-resource-policy")).toBe("same-origin");
  expect(own.headers.get("access-control-allow-origin")).toBeNull();
  expect((await call("GET", `${server.api}/console/element.js`)).status).toBe(404);
});

test("[R30] element.js is asked for again after an hour, and by its version never", async ({ server }) => {
  const first = await call("GET", `${server.api}/element.js`, undefined, NO_KEY);
  const tag = first.headers.get("etag") ?? "";
  const version = tag.replaceAll('"', "");
  expect(version).toMatch(/^[\w-]{12}$/);
  expect(first.headers.get("cache-control")).toBe("public, max-age=3600, stale-while-revalidate=604800");
  for (const [known, status] of [
    [tag, 304],
    [`W/${tag}`, 304],
    ['"another"', 200],
  ] as const) {
    const again = await call("GET", `${server.api}/element.js`, undefined, { ...NO_KEY, "if-none-match": known });
    expect([again.status, again.headers.get("etag")], known).toEqual([status, tag]);
    expect(again.body === "", known).toBe(status === 304);
  }
  const kept = await call("GET", `${server.api}/element.js?v=${version}`, undefined, NO_KEY);
  expect(kept.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  const older = await call("GET", `${server.api}/element.js?v=of-an-older-one`, undefined, NO_KEY);
  expect(older.headers.get("cache-control")).toContain("max-age=3600");
  expect(older.body).toBe(first.body);
});
