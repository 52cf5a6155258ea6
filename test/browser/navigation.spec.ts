/** A page that navigates to another site stays watched: pictures, input, challenge and verdict. */
import { expect, test } from "../support/fixtures.ts";

// Another site is another process then: the harder of the two cases.
// A server of its own kind, so a worker too: one.
test.describe.configure({ mode: "default" });
test.use({ siteIsolation: true });

test("[W20] [W21] [K1] pictures, input and the verdict go on after a navigation to another site", async ({
  site,
  bot,
  connect,
}) => {
  const challenge = (left: number, script: string) =>
    `<div id="a-captcha" style="position:absolute;left:${left}px;top:50px;width:200px;height:150px;background:#cdf"></div>
         <script>document.getElementById("a-captcha").addEventListener("click", (e) => { ${script} })</script>`;
  site.serve("/second", challenge(600, "e.target.remove()"));
  const url = site.serve("/", challenge(100, `location.href = "${site.otherOrigin}/second"`));
  const session = await bot.create({ url });
  const client = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await client.next("session_info", ({ view }) => view.x === 90);
  const click = (x: number, y: number) => {
    for (const event_type of ["move", "down", "up"]) {
      client.send({ type: "mouse_event", event_type, x, y, button: "left" });
    }
  };
  click(150, 100);
  const info = await client.next("session_info", ({ view }) => view.x === 590);
  expect(info.captcha_info).toMatchObject({ x: 600, y: 50, width: 200, height: 150 });
  expect(info.screenshot).not.toBeNull();
  click(650, 100);
  expect(await client.next("completed")).toMatchObject({ verified: "checked" });
  expect(await client.closed).toMatchObject({ code: 1000 });
});

test("[W20] a challenge below the fold is scrolled into view, and is not published any more once it is scrolled away", async ({
  site,
  bot,
  connect,
}) => {
  const url = site.serve(
    "/",
    `<body style="margin:0;height:5000px"><div id="a-captcha"
       style="position:absolute;left:100px;top:2000px;width:200px;height:150px;background:#cdf"></div>`,
  );
  const session = await bot.create({ url });
  expect(session.captcha_info).toMatchObject({ x: 100, y: (720 - 150) / 2, width: 200, height: 150 });
  const client = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await client.next("session_info", ({ view }) => view.x === 90 && view.width === 220);
  client.send({ type: "wheel", x: 200, y: 300, delta_x: 0, delta_y: 1500 });
  const away = await client.next("session_info", ({ view }) => view.width === 1280);
  expect(away.captcha_info).toBeNull();
  client.send({ type: "wheel", x: 200, y: 300, delta_x: 0, delta_y: -1500 });
  await client.next("session_info", ({ captcha_info }) => captcha_info?.y === 285, client.received.indexOf(away));
});
