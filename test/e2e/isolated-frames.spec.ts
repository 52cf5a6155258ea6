/** [W25] The same hands where frames of other sites have processes of their own, in frames inside frames too. */
import { DEMOS } from "../../src/demo/demos.ts";
import type { CaptchaInfo } from "../../src/protocol/common.ts";
import { expect, test } from "../support/fixtures.ts";
import { HANDS, puzzleCount } from "../support/solve-demo.ts";

// A server of its own kind, so a worker too: one.
test.describe.configure({ mode: "default" });
test.use({ siteIsolation: true });

/** Where a frame is does not depend on what is in it: guest-demos.spec.ts has one of them, the long run all. */
for (const demo of DEMOS) {
  test(`[W25] an operator clears the ${demo.kind} in a frame with its own process @long`, async ({
    server,
    bot,
    operator,
  }) => {
    const before = puzzleCount(server, demo.kind);
    const session = await bot.create({ url: `${server.demoOrigin}${demo.path}?frame=cross` });
    expect(session.captcha_info).toMatchObject({ in_iframe: true });
    await operator.open(session.control_url);
    await HANDS[demo.kind](operator, server, (await bot.info(session.session_id)).captcha_info as CaptchaInfo, before);
    expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "solved", verified: "checked" });
  });
}

test("[W25] [W24] input lands exactly in a nested frame of another site, also under an overlay and beyond its edge", async ({
  server: _server,
  site,
  bot,
  connect,
}) => {
  const seen: string[] = [];
  site.serve("/seen", (request, response) => {
    seen.push(decodeURIComponent(request.url?.split("?")[1] ?? ""));
    response.end();
  });
  const report = `const tell = (what) => navigator.sendBeacon(location.origin + "/seen?" + encodeURIComponent(what));
    addEventListener("load", () => tell(NAME + " ready"));
    for (const type of ["mousedown", "mouseup"]) addEventListener(type, (e) => tell(NAME + " " + type + " " + e.clientX + "," + e.clientY));`;
  site.serve("/inner", `<body style="margin:0;background:#dfd"><script>const NAME = "inner"; ${report}</script>`);
  site.serve(
    "/middle",
    `<body style="margin:0;background:#ffd"><script>const NAME = "middle"; ${report}</script>
     <iframe src="${site.origin}/inner" style="position:absolute;left:30px;top:20px;width:200px;height:120px;border:5px solid red"></iframe>`,
  );
  const url = site.serve(
    "/outer",
    `<body style="margin:0"><script>const NAME = "outer"; ${report}</script>
     <iframe src="${site.otherOrigin}/middle" style="position:absolute;left:300px;top:150px;width:400px;height:300px;border:0;padding:7px"></iframe>
     <div id="my-captcha" style="position:absolute;left:290px;top:400px;width:300px;height:200px;background:#ccf"></div>`,
  );
  const session = await bot.create({ url });
  expect(session.captcha_info).toMatchObject({ x: 290, y: 400 });
  const client = await connect(session.ws_url);
  await client.next("session_info");
  await expect.poll(() => seen.filter((what) => what.endsWith("ready")).length).toBe(3);
  const press = async (x: number, y: number, upX = x, upY = y) => {
    const count = seen.length;
    const event = { type: "mouse_event", button: "left" };
    client.send({ ...event, event_type: "move", x, y, buttons: 0 });
    client.send({ ...event, event_type: "down", x, y, buttons: 1 });
    client.send({ ...event, event_type: "move", x: upX, y: upY, buttons: 1 });
    client.send({ ...event, event_type: "up", x: upX, y: upY, buttons: 0 });
    await expect.poll(() => seen.length).toBe(count + 2);
    return seen.slice(count);
  };
  // Middle's content begins at 307,157; inner's at 307+30+5, 157+20+5.
  expect(await press(352, 192)).toEqual(["inner mousedown 10,10", "inner mouseup 10,10"]);
  expect(await press(312, 162)).toEqual(["middle mousedown 5,5", "middle mouseup 5,5"]);
  expect(await press(400, 420)).toEqual(["outer mousedown 400,420", "outer mouseup 400,420"]);
  // A drag that leaves its frame goes on in it.
  expect(await press(352, 192, 52, 92)).toEqual(["inner mousedown 10,10", "inner mouseup -290,-90"]);
});
