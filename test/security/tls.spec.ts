/** Behind nginx with TLS, configured as deploy/nginx.conf says: the link opens, the socket upgrades, limits see the client. */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { test as base, expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { BEARER } from "../support/key.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { startProgram, watchProgram } from "../support/programs.ts";
import { call } from "../support/requests.ts";

const run = promisify(execFile);
const CONFIG = new URL("../../deploy/nginx.conf", import.meta.url);
const PAGE = `<!doctype html><div id="captcha-box" style="width:300px;height:200px;background:#ddd">hello</div>`;
/** Debian keeps it where ordinary users do not look. */
const NGINX = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"]
  .map((folder) => join(folder, "nginx"))
  .find(existsSync);

interface Proxied {
  /** The API past the proxy. */
  readonly api: string;
  /** https, at the proxy */
  readonly url: string;
}

const test = base.extend<{ proxied: Proxied }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  proxied: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const port = await freePort();
    const url = `https://localhost:${port}`;
    const program = await startProgram({ PUBLIC_URL: url, TRUST_PROXY: "loopback", LOG_LEVEL: "trace" });
    const listening = /listening on (http:\/\/\S+?)["\\]/.exec(program.out())?.[1] ?? "";
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    await run("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      ...subject,
      "-keyout",
      key,
      "-out",
      certificate,
    ]);
    // The file as it is given away, with the names that it says are to be set.
    const given = (await readFile(CONFIG, "utf8"))
      .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`)
      .replace("server_name captcha.example", "server_name localhost")
      .replace("/etc/ssl/captcha.example.crt", certificate)
      .replace("/etc/ssl/captcha.example.key", key)
      .replace("http://127.0.0.1:3000", listening);
    expect(given).not.toContain("captcha.example;");
    const main = `pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1; daemon off;
      events {} http { access_log ${folder}/access.log; client_body_temp_path ${folder}; proxy_temp_path ${folder};
      fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; ${given} }`;
    const path = join(folder, "nginx.conf");
    await writeFile(path, main);
    const child = spawn(NGINX ?? "nginx", ["-p", folder, "-c", path, "-e", join(folder, "error.log")]);
    const { exitCode } = watchProgram(child);
    await expect.poll(() => existsSync(join(folder, "nginx.pid"))).toBe(true);
    await use({ api: `${listening}/api/captcha`, url });
    const access = await readFile(join(folder, "access.log"), "utf8");
    child.kill("SIGQUIT");
    await exitCode;
    await program.remove();
    await rm(folder, { recursive: true, force: true });
    // What stands behind the # reaches no proxy.
    expect(access).toContain("/api/captcha/control/");
    expect(access).not.toMatch(/eyJ|captcha\.ticket/);
  },
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test.describe("behind nginx with TLS", () => {
  test.skip(!IS_LONG_RUN || NGINX === undefined, "in the long run, where there is nginx");
  test.use({ ignoreHTTPSErrors: true });

  test("[R8] [R16] the link opens over https, and the socket upgrades", async ({ proxied, site, operator, page }) => {
    const { api, url } = proxied;
    const created = await call("POST", `${api}/sessions`, { url: site.serve("/", PAGE) });
    expect(created.status, JSON.stringify(created.body)).toBe(201);
    const { control_url, ws_url } = created.body;
    expect(control_url).toContain(`${url}/api/captcha/control/`);
    expect(ws_url).toMatch(/^wss:/);
    const opened = page.waitForEvent("websocket");
    const response = page.waitForResponse(/\/control\//);
    await operator.open(control_url);
    expect((await opened).url()).toMatch(/^wss:\/\/localhost:/);
    expect((await response).headers()).toMatchObject({ "strict-transport-security": "max-age=31536000" });
  });

  test("other sites stay out, and nobody says by a header where it comes from", async ({ proxied, site, page }) => {
    const { request } = page.context();
    const post = (headers: Record<string, string>, data = {}) =>
      request.post(`${proxied.url}/api/captcha/sessions`, { headers, data }).then((answer) => answer.status());
    expect(await post({ origin: "https://elsewhere.example" })).toBe(403);
    expect(await post({ origin: proxied.url })).toBe(401);
    expect(await post({ host: "elsewhere.example" })).toBe(403);
    const spoofed = { ...BEARER, "x-forwarded-for": "192.0.2.9" };
    expect(await post(spoofed, { url: site.serve("/", PAGE) })).toBe(201);
    const { body } = await call("GET", `${proxied.api}/audit`);
    expect(body.entries[0]).toMatchObject({ action: "session.create", address: "127.0.0.1" });
    await page.goto(`${proxied.url}/api/captcha/control/none`);
  });
});
