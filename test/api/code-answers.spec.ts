/** [R24] A person's one-time code, typed without the picture. */
import { CaptchaRemoteClient } from "../../src/sdk/client.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { NO_KEY, TEST_KEY } from "../support/key.ts";
import { call } from "../support/requests.ts";

/** Its pages have their challenge from the start, or none. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** The only code that this site lets in. */
const CODE = "402917";
const by = (key: string) => ({ authorization: `Bearer ${key}` });
const accepted = `document.body.innerHTML = "<p id=in>Welcome</p>"`;
const RULE = { completion: { any: [{ visible: "#in" }], stable_ms: 0 } };

const ONE_FIELD = `<form><label>Code <input name="code" autocomplete="one-time-code"></label><button>Verify</button></form>
<script>document.forms[0].onsubmit = (event) => { event.preventDefault();
  if (event.target.code.value === "${CODE}") ${accepted}; else document.title = "wrong"; };</script>`;
/** Boxes that move the focus on, and send by themselves. */
const SIX_BOXES = `<div id=boxes>${'<input maxlength="1" inputmode="numeric" size="1">'.repeat(6)}</div>
<script>const boxes = [...document.querySelectorAll("input")];
for (const [at, box] of boxes.entries()) box.oninput = () => { boxes[at + 1]?.focus();
  if (boxes.map(({ value }) => value).join("") === "${CODE}") ${accepted}; };</script>`;
/** Neither a form nor anything that listens to Enter. */
const BUTTON_ONLY = `<p>We have sent a code.</p><div><input id="otp" maxlength="8"> <button onclick="if (otp.value === '${CODE}') ${accepted.replaceAll('"', "&quot;")}">Confirm</button></div>`;

for (const [what, page] of Object.entries({ "a form": ONE_FIELD, "six boxes": SIX_BOXES, "a button": BUTTON_ONLY })) {
  test(`[R24] a code for ${what} is typed and sent, and the session ends as solved`, async ({ bot, site, server }) => {
    const { session_id } = await bot.createGuest({ url: site.serve("/", page), ...RULE });
    const client = new CaptchaRemoteClient({ baseUrl: server.url, apiKey: TEST_KEY });
    expect(await client.answerCode(session_id, CODE)).toBe("solved");
    expect(await bot.result(session_id)).toMatchObject({ outcome: "solved", verified: "checked" });
  });
}

test("[R24] a field in the challenge's own frame takes the code", async ({ bot, site, server }) => {
  site.serve("/frame", ONE_FIELD.replaceAll(accepted, `parent.postMessage("in", "*")`));
  const page = `<iframe src="${site.otherOrigin}/frame" width="400" height="200"></iframe>
<script>onmessage = () => { ${accepted} };</script>`;
  const { session_id } = await bot.create({ url: site.serve("/", page), ...RULE });
  const answer = await call("POST", `${server.api}/session/${session_id}/answer`, { text: CODE }, by(TEST_KEY));
  expect(answer).toMatchObject({ status: 200, body: { result: "solved" } });
});

test("[R24] a wrong code is replaced by the right one, and a repeat does nothing again", async ({
  bot,
  site,
  server,
}) => {
  const { session_id } = await bot.create({ url: site.serve("/", ONE_FIELD), ...RULE });
  const answer = (text: string, key: string) =>
    call("POST", `${server.api}/session/${session_id}/answer`, { text }, { ...by(TEST_KEY), "idempotency-key": key });
  expect((await answer("111111", "first")).body.result).toBe("rules_not_met");
  const again = [await answer("111111", "first"), await answer("222222", "first")];
  expect(again.map(({ status }) => status)).toEqual([200, 400]);
  expect((await answer(CODE, "second")).body.result).toBe("solved");
});

test("[R24] without such a field nothing is typed: the text of a picture is no code", async ({ bot, site, server }) => {
  const page = `<form><img src="/captcha.png" alt="captcha" width="120" height="40"><input name="captcha_code" maxlength="6"></form>`;
  const { session_id } = await bot.createGuest({ url: site.serve("/", page) });
  const answer = await call("POST", `${server.api}/session/${session_id}/answer`, { text: CODE }, by(TEST_KEY));
  expect(answer).toMatchObject({ status: 200, body: { result: "no_field" } });
});

test("[R24] a person who acts is not disturbed, watchers and bare ids are refused, and the trail has no code", async ({
  bot,
  site,
  server,
  connect,
}) => {
  const { session_id, ws_url } = await bot.create({ url: site.serve("/", ONE_FIELD), legacy_open: true });
  const url = `${server.api}/session/${session_id}/answer`;
  const link = async (role: string) => {
    const { body } = await call("POST", `${server.api}/session/${session_id}/links`, { role }, by(TEST_KEY));
    return new URL(body.url).hash.slice(1);
  };
  expect((await call("POST", url, { text: CODE }, by(await link("watch")))).status).toBe(403);
  expect((await call("POST", url, { text: CODE }, NO_KEY)).status).toBe(401);
  expect((await call("POST", url, { text: "1".repeat(10_000) }, by(TEST_KEY))).body.error).toMatchObject({
    code: "invalid_message",
    details: { field: "text" },
  });

  const person = await connect(ws_url, { protocols: ["captcha.json.v1"] });
  await person.next("control", ({ you }) => you);
  person.send({ type: "mouse_event", event_type: "down", x: 1, y: 1, button: "left", id: 1 });
  const refused = await call("POST", url, { text: CODE }, by(await link("control")));
  expect(`${refused.status} ${refused.body.error?.code}`).toBe("409 not_in_control");
  person.send({ type: "release_control", id: 2 });
  await person.next("control", ({ holder }) => holder === null);

  const typed = await call("POST", url, { text: CODE, submit: false }, by(await link("control")));
  expect(typed.body).toEqual({ session_id, result: "typed" });
  const trail = await call("GET", `${server.api}/audit?session_id=${session_id}`, undefined, by(TEST_KEY));
  expect(JSON.stringify(trail.body)).toContain('"result":"typed"');
  expect(JSON.stringify(trail.body)).not.toContain(CODE);
});

test("[R24] more than five codes a minute are refused", async ({ bot, site, server }) => {
  const { session_id } = await bot.createGuest({ url: site.serve("/", "<p>No field.</p>") });
  const url = `${server.api}/session/${session_id}/answer`;
  const codes: number[] = [];
  for (let at = 0; at < 6; at += 1) codes.push((await call("POST", url, { text: CODE }, by(TEST_KEY))).status);
  expect(codes).toEqual([200, 200, 200, 200, 200, 429]);
});
