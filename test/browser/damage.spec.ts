/** [W63] A viewer that is sent only what has changed sees what others see. */
import { PROTOCOLS_QUERY } from "../../src/protocol/protocols-by-message.ts";
import { difference, type Pixels, readPixels, TestCanvas } from "../support/canvas.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import type { LiveClient, ReceivedPicture } from "../support/live-client.ts";
import { NOISY_PAGE, NOISY_VIEWPORT } from "../support/noisy-page.ts";

const WITH_DAMAGE = ["captcha.binary.v2", "captcha.binary.v1", "captcha.json.v1", "captcha.view.page-1"];
const WHOLE = ["captcha.binary.v1", "captcha.view.page-1"];
/** Of 255: a part is encoded a second time. */
const NOISE = { mean: 2, worst: 12 };
/** Changes that both of two viewers must have seen. */
const ENOUGH = 5;
const MOST_COMPARED = 12;
const LATE_MS = 100;

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** As over a long line: what is acknowledged at once goes whole. */
function acknowledgeLate(client: LiveClient): void {
  client.socket.on("message", () => {
    const seq = client.pictures.at(-1)?.seq;
    if (seq !== undefined) setTimeout(() => client.send({ type: "ack", seq }), LATE_MS);
  });
}

function damagesOf(client: LiveClient): ReceivedPicture[] {
  return client.pictures.filter(({ rects }) => rects !== undefined);
}

test("[W63] [W59] what has changed, drawn over what was there, is the picture that others get whole", async ({
  site,
  bot,
  connect,
}) => {
  const session = await bot.createGuest({ url: site.serve("/", NOISY_PAGE), viewport: NOISY_VIEWPORT });
  const witness = await connect(session.ws_url, { protocols: WHOLE });
  const client = await connect(session.ws_url, { protocols: WITH_DAMAGE });
  expect(client.socket.protocol).toBe("captcha.binary.v2");
  witness.acks = true;
  // One that offers nothing with its upgrade.
  const other = await connect(`${session.ws_url}?${PROTOCOLS_QUERY}=message`);
  other.send({ type: "authenticate", protocols: WITH_DAMAGE });
  for (const one of [client, other]) acknowledgeLate(one);

  const common = () => damagesOf(client).filter(({ seq }) => witness.pictures.some((whole) => whole.seq === seq));
  let step = 0;
  await expect
    .poll(
      () => {
        step += 1;
        const x = 20 + ((step * 7) % (NOISY_VIEWPORT.width - 60));
        witness.send({ type: "mouse_event", event_type: "move", x, y: 220, buttons: 0 });
        return Math.min(common().length, damagesOf(other).length);
      },
      { intervals: [16] },
    )
    .toBeGreaterThanOrEqual(ENOUGH);

  const wholeBytes = Math.max(...witness.pictures.map(({ jpeg }) => jpeg.length));
  for (const { jpeg } of damagesOf(client)) expect(jpeg.length).toBeLessThan(wholeBytes / 2);
  expect(witness.pictures.every(({ rects }) => rects === undefined)).toBe(true);
  for (const viewer of [client, other]) {
    let compared = 0;
    const canvas = new TestCanvas();
    let shown: number | undefined;
    for (const picture of viewer.pictures) {
      if (picture.rects) expect(picture.base).toBe(shown);
      const pixels = await canvas.draw(picture.jpeg, picture.rects);
      shown = picture.seq;
      const whole = witness.pictures.find(({ seq }) => seq === picture.seq);
      if (!whole || !picture.rects || compared >= MOST_COMPARED) continue;
      compared += 1;
      expectSame(pixels, await readPixels(whole.jpeg));
    }
    if (viewer === client) expect(compared).toBeGreaterThanOrEqual(ENOUGH);
  }
});

function expectSame(a: Pixels, b: Pixels): void {
  const { mean, worst } = difference(a, b);
  expect(mean).toBeLessThan(NOISE.mean);
  expect(worst).toBeLessThan(NOISE.worst);
}
