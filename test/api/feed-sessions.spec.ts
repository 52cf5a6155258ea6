/** [R18] What real sessions tell over the feed: how far they are, what people do, and attempts that fail. */
import { BINARY_SUBPROTOCOL } from "../../src/protocol/live.ts";
import { FeedClient } from "../support/feed-client.ts";
import { test as base, expect } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";

const test = base.extend<{ reader: FeedClient }>({
  reader: async ({ server }, use) => {
    const reader = await FeedClient.connect(server.api);
    await use(reader);
    reader.socket.terminate();
  },
});

const BOX = `<div id="the-captcha" style="position:absolute;left:100px;top:80px;width:300px;height:200px;background:#ccd">press me</div>`;
/** What a press makes of the challenge; the second one clears it. */
const AFTER_PRESS = {
  came_back: `box.style.display = "none"; setTimeout(() => { box.style.display = ""; }, 1_500);`,
  reloaded: "location.reload();",
  replaced: `box.outerHTML = '<div class="scratch-captcha-container" style="position:absolute;left:100px;top:80px;width:300px;height:200px"></div>';`,
};
const SOLVED = "document.querySelector('#the-captcha, .scratch-captcha-container').remove();";

for (const [why, script] of Object.entries(AFTER_PRESS)) {
  const tag = longUnless(why === "replaced");
  test(`[R18] a session's progress, and an attempt after which the challenge ${why.replace("_", " ")}${tag} @long`, async ({
    reader,
    site,
    bot,
    connect,
  }) => {
    const url = site.serve(
      "/",
      `${BOX}<script>const box = document.getElementById("the-captcha");
        addEventListener("mouseup", () => {
          const presses = Number(sessionStorage.presses ?? 0) + 1;
          sessionStorage.presses = presses;
          if (presses === 1) { ${script} } else { ${SOLVED} }
        });</script>`,
    );
    // Longer than the challenge stays away.
    const session = await bot.create({ url, label: `feed-${why}`, completion: { stable_ms: 3_000 } });
    await reader.subscribe("sessions", `session:${session.session_id}`, `session:${session.session_id}:progress`);
    // What came before it could know the id.
    reader.send({ type: "resume", data: { after: (await reader.next("connected")).data.event } });
    const operator = await connect(session.ws_url, { protocols: [BINARY_SUBPROTOCOL] });
    await operator.nextPicture(() => true, 0);
    const press = () => {
      for (const event_type of ["down", "up"]) {
        operator.send({ type: "mouse_event", event_type, x: 200, y: 150, button: "left", buttons: 0 });
      }
    };
    press();
    const failed = await reader.next("session.attempt_failed");
    expect(failed).toMatchObject({ topics: [`session:${session.session_id}`, "sessions"], data: { attempts: 1, why } });
    press();
    await reader.next("session.ended", ({ data }) => data.session_id === session.session_id);
    const steps = reader.received.flatMap((message) => (message.type === "session.progress" ? [message.data] : []));
    expect(steps.map(({ step }) => step)).toEqual([
      "browser",
      "page",
      "challenge",
      "waiting",
      "opened",
      "attempt",
      "failed_attempt",
      "attempt",
      "solved",
    ]);
    expect(steps.at(-1)?.percentage).toBe(100);
    expect(reader.received.find(({ type }) => type === "session.created")).toMatchObject({
      data: { session_id: session.session_id },
    });
  });
}
