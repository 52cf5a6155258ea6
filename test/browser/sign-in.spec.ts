/** [W50] Sign-ins of the browser: with the bot's credentials, or asked of the person in control; and what else has no picture. */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";
import { call, REPORTING, reportsOf } from "../support/requests.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const JSON_FORM = { protocols: ["captcha.json.v1"] };
const USERNAME = "ada@example";
const PASSWORD = "pass:wörd%";
const INSIDE = `${REPORTING}<title>inside</title><script>report("inside " + location.href)</script>`;

/** Lets in whoever gives the user name and the password, Basic or Digest; counts the requests without them. */
function guarded(scheme: "Basic" | "Digest", { refusal = "denied", page = INSIDE } = {}) {
  const refused: (string | undefined)[] = [];
  const challenge =
    scheme === "Basic"
      ? `Basic realm="Staff \\"only\\"", charset="UTF-8"`
      : `Digest realm="Staff", qop="auth", nonce="n1", algorithm=MD5`;
  const handler = (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    if (isRight(request)) return void response.end(page);
    refused.push(request.headers.authorization);
    response.writeHead(401, { "www-authenticate": challenge }).end(refusal);
  };
  return { handler, refused };
}

function isRight({ headers: { authorization = "" }, method, url }: IncomingMessage): boolean {
  if (authorization.startsWith("Basic ")) {
    return Buffer.from(authorization.slice(6), "base64").toString() === `${USERNAME}:${PASSWORD}`;
  }
  const field = (name: string) => new RegExp(`\\b${name}="?([^",]*)`).exec(authorization)?.[1] ?? "";
  const md5 = (...parts: string[]) => createHash("md5").update(parts.join(":")).digest("hex");
  const given = [field("nonce"), field("nc"), field("cnonce"), field("qop")];
  const expected = md5(md5(USERNAME, "Staff", PASSWORD), ...given, md5(method ?? "", url ?? ""));
  return authorization.startsWith("Digest ") && field("response") === expected;
}

for (const scheme of ["Basic", "Digest"] as const) {
  test(`[W50] the person in control is asked to sign in (${scheme}), three times, and then is inside${longUnless(scheme === "Basic")}`, async ({
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    // Without a text for people the browser shows an error page.
    const { handler } = guarded(scheme, { refusal: scheme === "Basic" ? "" : "denied" });
    const session = await bot.create({ url: site.serve("/staff", handler) });
    const older = await connect(session.ws_url);
    await older.next("presence");
    older.send({ type: "release_control" });
    const person = await connect(session.ws_url, JSON_FORM);
    await person.next("presence");
    person.send({ type: "take_control" });
    person.send({ type: "features", features: ["sign_in"] });
    const first = await person.next("ask_sign_in");
    const realm = scheme === "Basic" ? `Staff "only"` : "Staff";
    expect(first).toMatchObject({ site: site.origin, realm, tries_left: 3 });
    person.send({ type: "answer_sign_in", question_id: first.question_id, username: USERNAME, password: "wrong" });
    const second = await person.next("ask_sign_in", ({ tries_left }) => tries_left === 2);
    person.send({
      type: "answer_sign_in",
      question_id: first.question_id,
      username: USERNAME,
      password: PASSWORD,
      id: "late",
    });
    expect(await person.next("error", ({ reply_to }) => reply_to === "late")).toMatchObject({ code: "question_gone" });
    person.send({ type: "answer_sign_in", question_id: second.question_id, username: USERNAME, password: PASSWORD });
    await expect.poll(() => reports).toEqual([`inside ${site.origin}/staff`]);
    expect(older.received.map(({ type }) => type)).not.toContain("ask_sign_in");
  });
}

test("[W50] who does not sign in, or has no try left, sees what the site answers", async ({ site, bot, connect }) => {
  const { handler, refused } = guarded("Basic");
  site.serve("/again", handler);
  const reports = reportsOf(site);
  const page = `${REPORTING}denied <script>
    addEventListener("click", () => { location.href = "/again"; });
    report("ready");
  </script>`;
  const { ws_url } = await bot.create({ url: site.serve("/staff", guarded("Basic", { refusal: page }).handler) });
  const person = await connect(ws_url, JSON_FORM);
  await person.next("presence");
  person.send({ type: "features", features: ["sign_in"] });
  const { question_id } = await person.next("ask_sign_in");
  person.send({ type: "answer_sign_in", question_id, id: "no" });
  await person.next("withdrawn");
  await expect.poll(() => reports).toEqual(["ready"]);
  person.send({ type: "mouse_event", event_type: "down", x: 9, y: 9 });
  person.send({ type: "mouse_event", event_type: "up", x: 9, y: 9 });
  // The same realm: the tries go on. A try that does not get to the site is asked for anew, and does not count.
  const asked = [question_id];
  const tries: number[] = [];
  while (tries.at(-1) !== 1) {
    const next = await person.next("ask_sign_in", (ask) => !asked.includes(ask.question_id));
    asked.push(next.question_id);
    tries.push(next.tries_left);
    const password = String(next.tries_left);
    person.send({ type: "answer_sign_in", question_id: next.question_id, username: "a", password });
  }
  expect([...new Set(tries)]).toEqual([3, 2, 1]);
  await expect.poll(() => refused.filter((header) => header !== undefined).length).toBe(3);
  person.send({ type: "ping", id: "last" });
  await person.next("pong", ({ reply_to }) => reply_to === "last");
  expect(person.received.filter(({ type }) => type === "ask_sign_in")).toHaveLength(asked.length);
});

test("[W50] [R10] the bot's credentials sign in at its own origin only, and stand in no answer", async ({
  server,
  site,
  bot,
}) => {
  const reports = reportsOf(site);
  const other = guarded("Basic");
  site.serve("/other", other.handler);
  const frame = `${INSIDE}<iframe src="${site.otherOrigin}/other"></iframe>`;
  const url = site.serve("/staff", guarded("Basic", { page: frame }).handler);
  const http_credentials = { username: USERNAME, password: PASSWORD };
  // Headers are added by a client of the browser of their own, which pauses the same requests.
  await bot.create({ url, http_credentials, extra_headers: { "x-shop": "1" } });
  const inside = `inside ${site.origin}/staff`;
  await expect.poll(() => reports).toEqual([inside]);
  await expect.poll(() => other.refused).toEqual([undefined]);

  const withBoth = new URL(url);
  withBoth.username = USERNAME;
  withBoth.password = PASSWORD;
  const moved = await bot.create({ url: withBoth.href });
  await expect.poll(() => reports).toEqual([inside, inside]);
  const detail = await call("GET", `${server.api}/session/${moved.session_id}`);
  expect(detail.body.url).toBe(url);
  const told = JSON.stringify([moved, detail.body, (await call("GET", `${server.api}/sessions`)).body]);
  expect(told).not.toMatch(/ada(@|%40)/);
  expect(told).not.toContain("rd%");

  const refusals = [
    { url: withBoth.href, http_credentials },
    { url, http_credentials: { username: "a".repeat(257), password: "" } },
    { url: `${withBoth.protocol}//${"a".repeat(300)}@${withBoth.host}/` },
    { cdp: { endpoint: "http://127.0.0.1:1" }, http_credentials },
  ];
  for (const body of refusals) {
    const { status, body: answer } = await call("POST", `${server.api}/sessions`, body);
    expect(status).toBe(400);
    expect(answer.error.code).toBe("invalid_message");
  }
});

test("[W50] a passkey request fails at once, and printing and full screen are said", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const url = site
    .serve(
      "/",
      `<body style="margin:0">${REPORTING}<script>
      const publicKey = {
        challenge: new Uint8Array(16), rp: { name: "shop" }, pubKeyCredParams: [{ type: "public-key", alg: -7 }],
        user: { id: new Uint8Array(4), name: "a", displayName: "a" },
      };
      const tell = (work) => work.then(() => report("done"), (error) => report(error.name));
      addEventListener("click", async () => {
        await tell(navigator.credentials.create({ publicKey }));
        await tell(navigator.credentials.get({ publicKey: { challenge: publicKey.challenge } }));
        report(await Notification.requestPermission());
        print();
        await document.documentElement.requestFullscreen();
        report("after");
      });
    </script>`,
    )
    .replace("127.0.0.1", "localhost");
  const { ws_url } = await bot.create({ url });
  const person = await connect(ws_url, JSON_FORM);
  await person.next("presence");
  person.send({ type: "mouse_event", event_type: "down", x: 20, y: 20 });
  person.send({ type: "mouse_event", event_type: "up", x: 20, y: 20 });
  await expect.poll(() => reports).toHaveLength(4);
  expect(reports).toEqual(["NotAllowedError", "NotAllowedError", expect.stringMatching(/^(default|denied)$/), "after"]);
  await person.next("page_notice", ({ notice }) => notice === "printing");
  await person.next("page_notice", ({ notice }) => notice === "full_screen");
});

test("[W50] [W47] what was refused is told where the page does not hide its error, in a window that it opens too", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const asks = `<body style="margin:0">${REPORTING}<script>
    const passkey = () => navigator.credentials.get({ publicKey: { challenge: new Uint8Array(16) } });
    const place = () => new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject));
  </script>`;
  site.serve(
    "/window",
    `${asks}<script>addEventListener("click", () => passkey().catch((error) => (report(error.name), console.warn("no:", error))));</script>`,
  );
  const url = site
    .serve(
      "/",
      `${asks}<script>
        let presses = 0;
        addEventListener("click", () => {
          presses += 1;
          if (presses === 1) place().catch((error) => (report(error.code), console.error(error)));
          if (presses === 2) void passkey();
          if (presses === 3) open("/window", "w", "width=500,height=400");
        });
      </script>`,
    )
    .replace("127.0.0.1", "localhost");
  const { ws_url } = await bot.create({ url });
  const person = await connect(ws_url, JSON_FORM);
  await person.next("presence");
  const press = () => {
    for (const event_type of ["down", "up"]) person.send({ type: "mouse_event", event_type, x: 20, y: 20 });
  };
  const notices = () => person.received.flatMap((message) => (message.type === "page_notice" ? [message.notice] : []));
  press();
  await expect.poll(notices).toEqual(["permission_refused"]);
  expect(reports).toEqual([1]);
  press();
  await expect.poll(notices).toEqual(["permission_refused", "passkey_refused"]);
  press();
  await person.next("session_info", ({ viewport }) => viewport.width === 500);
  press();
  await expect.poll(notices).toEqual(["permission_refused", "passkey_refused", "popup", "passkey_refused"]);
  await expect.poll(() => reports).toEqual([1, "NotAllowedError"]);
});
