/** [W63] The console draws what has changed over its picture, and shows what others are sent whole. */
import { difference, readPixels } from "../support/canvas.ts";
import { listen } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { NOISY_PAGE, NOISY_VIEWPORT } from "../support/noisy-page.ts";

/** Of 255: a part is encoded a second time, and two decoders round differently. */
const NOISE = { mean: 3, worst: 16 };
/** Looks at the console's canvas that fall on a picture which the witness was sent, too. */
const ENOUGH = 2;

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** Runs in the console's page: keeps some of what its canvas shows right after a part of it was drawn. */
function keepLooks(): void {
  const MOST = 30;
  const EVERY = 3;
  const looks: { seq: string | undefined; png: string }[] = [];
  Object.assign(globalThis, { looks });
  let drawn = 0;
  const { drawImage } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...args: unknown[]): void {
    Reflect.apply(drawImage, this, args);
    const isPart = args.length > 5;
    if (!isPart) return;
    drawn += 1;
    if (drawn % EVERY !== 0 || looks.length >= MOST) return;
    // Once all of it is drawn, and the canvas says which picture it shows.
    const { canvas } = this;
    queueMicrotask(() => looks.push({ seq: canvas.dataset["seq"], png: canvas.toDataURL("image/png") }));
  };
}

/** Runs in the console's page, as over a long line: what is acknowledged at once goes whole. */
function acknowledgeLate(): void {
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (this: WebSocket, data: string): void {
    if (data.includes('"ack"')) setTimeout(() => send.call(this, data), 100);
    else send.call(this, data);
  };
}

test("[W63] after any number of parts the console's canvas is the whole picture", async ({
  site,
  bot,
  operator,
  connect,
}) => {
  await operator.page.addInitScript(keepLooks);
  await operator.page.addInitScript(acknowledgeLate);
  const line = listen(operator.page);
  const session = await bot.createGuest({ url: site.serve("/", NOISY_PAGE), viewport: NOISY_VIEWPORT });
  await operator.open(session.control_url);
  // After the console, which is in control.
  const witness = await connect(session.ws_url, { protocols: ["captcha.binary.v1", "captcha.view.page-1"] });
  witness.acks = true;
  const looks = () =>
    operator.page.evaluate(() => (globalThis as unknown as { looks: { seq: string; png: string }[] }).looks);
  const wholeOf = (seq: string) => witness.pictures.find((picture) => picture.seq === Number(seq));
  await expect(async () => {
    await operator.drag({ x: 40, y: 220 }, { x: 700, y: 220 });
    const common = (await looks()).filter(({ seq }) => wholeOf(seq));
    expect(common.length).toBeGreaterThanOrEqual(ENOUGH);
  }).toPass();
  await operator.untilStill();
  expect(line.pictures.some(({ type }) => type === "damage")).toBe(true);
  // None of it was refused, and all of it was acknowledged.
  expect(line.ofType("ack").filter(({ whole }) => whole)).toEqual([]);
  await expect.poll(() => line.ofType("ack").at(-1)?.seq === line.pictures.at(-1)?.seq).toBe(true);
  for (const { seq, png } of await looks()) {
    const whole = wholeOf(seq);
    if (!whole) continue;
    const shown = await readPixels(Buffer.from(png.slice(png.indexOf(",") + 1), "base64"));
    const { mean, worst } = difference(shown, await readPixels(whole.jpeg));
    expect(mean).toBeLessThan(NOISE.mean);
    expect(worst).toBeLessThan(NOISE.worst);
  }
});
