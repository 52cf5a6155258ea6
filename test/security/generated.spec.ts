/** Generated messages, and their bytes changed, on the socket of a running server: it stays up, its memory flat, and every answer has a code. */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { WebSocket } from "ws";
import { CODES } from "../../src/errors.ts";
import { serverMessageSchema } from "../../src/protocol/live.ts";
import { test as base, expect } from "../support/fixtures.ts";
import { BEARER } from "../support/key.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { VALID } from "../support/messages.ts";
import { type RunningProgram, startProgram } from "../support/programs.ts";
import { call } from "../support/requests.ts";

const MESSAGES = IS_LONG_RUN ? 100_000 : 2_000;
/** Sent at once, before an answer to a ping is waited for: well below what is dropped unread. */
const BATCH = 200;
const BATCH_MS = 25;
/** Buffers of the first thousands are kept for the next. */
const WARM_UP = MESSAGES / 4;
/** A leak of a single small object a message would show as tens of megabytes in the long run. */
const GROWTH_LIMIT_BYTES = 32 * 1024 * 1024;
const PAGE = `<!doctype html><div id="captcha-box" style="width:300px;height:200px;background:#ddd"><input></div>`;

const test = base.extend<{ program: RunningProgram; heapMegabytes: number }>({
  // A small heap: with room to spare what is garbage is left lying, and looks like a leak.
  heapMegabytes: [80, { option: true }],
  program: async ({ heapMegabytes }, use) => {
    const program = await startProgram({
      MAX_MESSAGES_PER_SECOND: "10000",
      MESSAGE_BURST: "10000",
      MAX_TIMEOUT_SECONDS: "86400",
      NODE_OPTIONS: `--max-old-space-size=${heapMegabytes} --max-semi-space-size=2`,
    });
    await use(program);
    await program.remove();
  },
});

/** Text or bytes, as a frame carries them. */
interface Frame {
  readonly data: Buffer;
  readonly binary: boolean;
}

const text = (data: string): Frame => ({ data: Buffer.from(data), binary: false });
const { finish: _ends, ...harmless } = VALID;
/** Of all kinds but the one that ends the session, which would make the test one of sessions. */
const message = fc.oneof(...Object.values(harmless)).map((value) => JSON.stringify(value));

/** Bytes changed, cut out, doubled: sometimes no text any more, mostly no message. */
const mutated = fc
  .tuple(
    message,
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
    fc.nat({ max: 3 }),
  )
  .map(([json, changes, how]): Frame => {
    let data = Buffer.from(json);
    for (const [place, byte] of changes) {
      const at = place % Math.max(1, data.length);
      if (how === 0) data[at] = byte & 0x7f;
      else if (how === 1) data = Buffer.concat([data.subarray(0, at), data.subarray(at + (byte % 8))]);
      else if (how === 2) data = Buffer.concat([data.subarray(0, at), data.subarray(0, at), data.subarray(at)]);
      else data[at] = byte;
    }
    return { data, binary: false };
  });

const frame: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 5, arbitrary: message.map(text) },
  { weight: 4, arbitrary: mutated },
  { weight: 2, arbitrary: fc.json({ maxDepth: 8 }).map(text) },
  { weight: 1, arbitrary: fc.string({ maxLength: 2_000, unit: "grapheme" }).map(text) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 500 }).map((bytes) => ({ data: Buffer.from(bytes), binary: true })),
  },
  { weight: 1, arbitrary: fc.nat({ max: 30_000 }).map((depth) => text("[".repeat(depth))) },
);

/** Sends all of it, on as many sockets as that takes, and looks at every answer. */
class Sender {
  answers = 0;
  readonly codes = new Set<string>();
  readonly closes = new Set<number>();
  readonly #wsUrl: string;
  #socket: WebSocket | null = null;
  #batches = 0;

  constructor(wsUrl: string) {
    this.#wsUrl = wsUrl;
  }

  async send(frames: readonly Frame[]): Promise<void> {
    const socket = await this.#open();
    for (const { data, binary } of frames) if (socket.readyState === WebSocket.OPEN) socket.send(data, { binary });
    const id = `batch-${++this.#batches}`;
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "ping", id }));
    await new Promise<void>((resolve) => {
      const onMessage = (data: Buffer) => {
        if (data.includes(id)) done();
      };
      const done = () => {
        socket.off("message", onMessage).off("close", done);
        resolve();
      };
      socket.on("message", onMessage).once("close", done);
      if (socket.readyState === WebSocket.CLOSED) done();
    });
  }

  close(): void {
    this.#socket?.terminate();
  }

  async #open(): Promise<WebSocket> {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket;
    const socket = new WebSocket(this.#wsUrl, ["captcha.json.v1"], { headers: BEARER });
    socket.on("error", () => {});
    socket.on("close", (code) => this.closes.add(code));
    socket.on("message", (data: Buffer) => this.#look(data.toString()));
    await new Promise<void>((resolve, reject) => socket.once("open", resolve).once("error", reject));
    this.#socket = socket;
    return socket;
  }

  /** Throws for an answer that is not one of the contract. */
  #look(data: string): void {
    this.answers += 1;
    const told = JSON.parse(data);
    serverMessageSchema.parse(told);
    if (told.type === "error") this.codes.add(told.code);
  }
}

async function memoryOf({ pid }: RunningProgram): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

test(`[W1] ${MESSAGES.toLocaleString("en")} generated messages: the server stays up, its memory flat, every answer coded`, async ({
  program,
  site,
}) => {
  const created = await call("POST", `${program.api}/sessions`, { url: site.serve("/", PAGE), timeout_seconds: 3_600 });
  expect(created.status).toBe(201);
  const sender = new Sender(created.body.ws_url);
  const seed = Date.now();
  let sent = 0;
  let warm = 0;
  // Chance seldom makes a message of a type that is none.
  await sender.send([text('{"type":"nothing"}')]);
  while (sent < MESSAGES) {
    // Not faster than the server reads, or it would drop them unread.
    await Promise.all([sender.send(fc.sample(frame, { numRuns: BATCH, seed: seed + sent })), delay(BATCH_MS)]);
    sent += BATCH;
    if (warm === 0 && sent >= WARM_UP) warm = await memoryOf(program);
  }
  const growth = (await memoryOf(program)) - warm;
  sender.close();
  expect(growth, `seed ${seed}: grew by ${growth} bytes`).toBeLessThan(GROWTH_LIMIT_BYTES);
  expect([...sender.codes].filter((code) => !(code in CODES))).toEqual([]);
  // All that can be wrong with a message was tried, and nothing was too much for the server.
  expect([...sender.codes]).toEqual(expect.arrayContaining(["invalid_message", "unknown_type"]));
  for (const code of ["internal", "rate_limited"]) expect(sender.codes.has(code), `${code}, seed ${seed}`).toBe(false);
  for (const code of sender.closes) expect([1006, 1007, 1009, 4429]).toContain(code);
  expect(sender.closes.has(1007)).toBe(true);
  expect((await call("GET", `${program.url}/healthz`)).status).toBe(200);
  const session = await call("GET", `${program.api}/session/${created.body.session_id}`);
  expect(session.body).toMatchObject({ state: expect.stringMatching(/waiting|active/) });
  expect(program.out()).not.toMatch(/"level":(50|60)/);
});

/** In the long run a minute of them; TEST_FRAMES=72000 is an hour. */
const FRAMES = Number(process.env["TEST_FRAMES"] ?? (IS_LONG_RUN ? 1_200 : 40));
/** As fast as a machine with several cores can load them. */
const FRAME_EVERY_MS = FRAMES > 40 ? 50 : 150;
/** A busy machine makes them more slowly. */
const FRAMES_PATIENCE_MS = 120_000 + 3 * FRAMES * FRAME_EVERY_MS;

test.describe(() => {
  test.use({ heapMegabytes: 512 });

  test(`[K3] ${FRAMES.toLocaleString("en")} frames, a new one every ${FRAME_EVERY_MS} ms: the server's memory stays flat, and the verdict comes`, async ({
    program,
    site,
  }) => {
    test.setTimeout(600_000 + 2 * FRAMES_PATIENCE_MS);
    // Counted as the browser asks for them: on a slow machine none is there for long enough to load.
    let made = 0;
    site.serve("/frame", (_request, response) => {
      made += 1;
      response.setHeader("content-type", "text/html").end('<p class="my-captcha-frame">frame</p>');
    });
    const url = site.serve(
      "/",
      `${PAGE}<script>let frames = 0; const timer = setInterval(() => {
      document.querySelector("iframe")?.remove();
      const frame = document.body.appendChild(document.createElement("iframe"));
      frame.src = "${site.otherOrigin}/frame?" + frames;
      frames += 1;
      if (frames === ${FRAMES}) document.querySelector("#captcha-box").remove();
    }, ${FRAME_EVERY_MS});</script>`,
    );
    const created = await call("POST", `${program.api}/sessions`, { url, timeout_seconds: 86_400 });
    expect(created.status).toBe(201);
    await expect.poll(() => made, { timeout: FRAMES_PATIENCE_MS }).toBeGreaterThan(FRAMES / 4);
    const warm = await memoryOf(program);
    const status = async () =>
      (await call("GET", `${program.api}/status/${created.body.session_id}?wait=20`)).body.state;
    await expect.poll(status, { timeout: FRAMES_PATIENCE_MS }).toBe("solved");
    expect((await memoryOf(program)) - warm).toBeLessThan(GROWTH_LIMIT_BYTES);
  });
});
