/** Readers of the events socket, and the publisher of the events that all of them read. */
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { BEARER } from "./key.ts";
import type { BenchServer } from "./server.ts";

export const DIAL_AT_ONCE = 50;

/** One connection that subscribes to `system`. */
export class Reader {
  readonly #socket: WebSocket;
  readonly opened: Promise<number>;
  received = 0;
  lost = 0;
  #last = 0;
  onEvent: (message: string) => void = () => {};

  constructor(url: string, batch: boolean) {
    const startedAt = performance.now();
    this.#socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/captcha/events?batch=${batch ? "on" : "off"}`, {
      headers: BEARER,
    });
    this.opened = new Promise((resolve, reject) => {
      this.#socket.once("error", reject);
      this.#socket.on("message", (data: Buffer) => {
        const message = JSON.parse(data.toString());
        for (const each of message.type === "batch" ? message.messages : [message]) this.#take(each);
        if (message.type === "connected") {
          this.#socket.send(JSON.stringify({ type: "subscribe", data: { topics: ["system"] } }));
        }
        if (message.type === "subscribed") resolve(performance.now() - startedAt);
      });
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  #take({ type, seq, data }: { type: string; seq: number; data: { message: string } }): void {
    this.lost += seq - this.#last - 1;
    this.#last = seq;
    if (type !== "system.notice") return;
    this.received += 1;
    this.onEvent(data.message);
  }
}

/** Publishes a notice: one event to every reader. */
export async function tell(server: BenchServer, message: string): Promise<void> {
  const response = await fetch(`${server.url.origin}/api/captcha/notices`, {
    method: "POST",
    headers: { ...BEARER, "content-type": "application/json" },
    body: JSON.stringify({ message }),
  });
  if (response.status !== 200) throw new Error(`No notice: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
}

/** Connects `count` readers. Resolves with them and the time that each took, in ms. Rejects as soon as one fails. */
export async function dial(
  server: BenchServer,
  count: number,
  batch: boolean,
): Promise<{ readers: Reader[]; dialled: number[] }> {
  const readers: Reader[] = [];
  const dialled: number[] = [];
  while (readers.length < count) {
    const some = Array.from(
      { length: Math.min(DIAL_AT_ONCE, count - readers.length) },
      () => new Reader(server.url.origin, batch),
    );
    readers.push(...some);
    dialled.push(...(await Promise.all(some.map(({ opened }) => opened))));
  }
  return { readers, dialled };
}

/** Runs `during` while each of the readers gets a fixed number of events a second. */
export async function withReaders<T>(
  server: BenchServer,
  { readers: count, perSecond }: { readers: number; perSecond: number },
  during: () => Promise<T>,
): Promise<T> {
  const { readers } = await dial(server, count, false);
  const stop = new AbortController();
  const telling = (async () => {
    const told: Promise<void>[] = [];
    while (!stop.signal.aborted) {
      told.push(tell(server, "drag"));
      await delay(1_000 / perSecond);
    }
    await Promise.all(told);
    return told.length;
  })();
  let due = 0;
  const received = () => readers.reduce((sum, reader) => sum + reader.received, 0);
  try {
    const result = await during();
    stop.abort();
    due = (await telling) * count;
    for (const end = performance.now() + 5_000; received() < due && performance.now() < end; ) await delay(10);
    if (received() === due) return result;
  } finally {
    stop.abort();
    for (const reader of readers) reader.close();
  }
  throw new Error(`The readers got ${received()} of ${due} events: it was no load.`);
}
