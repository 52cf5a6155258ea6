/** [W21] A viewer whose line stands still and flows again: no film of the past, but the page as it is. */
import { expect, test } from "../support/fixtures.ts";
import { IS_LONG_RUN, longUnless } from "../support/long-run.ts";
import { ANIMATED, COMPLETION, INSIDE, markedPage, VIEWPORT } from "../support/marked-page.ts";
import { expectWithin } from "../support/pace.ts";

const STALL_MS = IS_LONG_RUN ? 10_000 : 1_000;
/** Two may be under way, and one that was being read when the line was stopped. */
const MOST_OLD_PICTURES = 3;
const YOUNG_MS = 200;
/** Among so many of the first ones after the stall: a busy machine may hold up one. */
const FIRST_FEW = 5;
/** Of those that answer, and the machine's hiccups. */
const FIRST_YOUNG_BOUND_MS = 2_000;

const FORMS = [
  ["binary with acks", ["captcha.binary.v1"], true],
  ["binary without acks", ["captcha.binary.v1"], false],
  ["JSON with acks", ["captcha.json.v1"], true],
  ["JSON without acks", ["captcha.json.v1"], false],
  ["an older client", [], false],
] as const;

for (const [index, [name, protocols, acks]] of FORMS.entries()) {
  for (const touched of [false, true]) {
    const how = touched ? "dragged by another all the while" : "touched by nobody";
    // Who else acts decides what the page shows, the form what a slot is: two of the forms, each with one of the two.
    const tag = longUnless(index === (touched ? 1 : 2));
    test(`[W21] ${name}, ${how}: after a stall at most two old pictures, then one of now${tag}`, async ({
      site,
      bot,
      connect,
    }) => {
      const session = await bot.create({
        url: site.serve("/", markedPage(ANIMATED)),
        viewport: VIEWPORT,
        completion: COMPLETION,
      });
      const hand = touched ? await connect(session.ws_url, { protocols: ["captcha.binary.v1"] }) : null;
      const client = await connect(session.ws_url, { protocols: [...protocols] });
      client.acks = acks;
      await client.nextPicture(() => true, 10);
      client.pause();
      const before = client.pictures.length;
      const stalledAt = performance.now();
      let step = 0;
      await expect
        .poll(
          () => {
            step += 1;
            const x = INSIDE.x + (step % 50);
            hand?.send({ type: "mouse_event", event_type: "move", x, y: INSIDE.y, buttons: 0 });
            return performance.now() - stalledAt;
          },
          { intervals: [16] },
        )
        .toBeGreaterThan(STALL_MS);
      expect(client.pictures.length).toBe(before);
      const resumedAt = Date.now();
      client.resume();
      const isOld = ({ captured_at }: { captured_at: number }) => captured_at < resumedAt;
      const first = await client.nextPicture((picture) => !isOld(picture), before);
      expectWithin(first.arrivedAt - resumedAt, FIRST_YOUNG_BOUND_MS);
      await client.nextPicture(() => true, client.pictures.indexOf(first) + FIRST_FEW - 1);
      const late = client.pictures.slice(before);
      expect(late.filter(isOld).length).toBeLessThanOrEqual(MOST_OLD_PICTURES);
      const young = late.filter((picture) => !isOld(picture)).slice(0, FIRST_FEW);
      const ages = young.map(({ captured_at, arrivedAt }) => arrivedAt - captured_at);
      expectWithin(Math.min(...ages), YOUNG_MS, `the youngest of the first ones (${ages})`);
      // What came is in order.
      const numbers = client.pictures.map(({ seq }) => seq);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    });
  }
}
