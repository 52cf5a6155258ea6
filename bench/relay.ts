/** A slow line on the loopback: delays and throttles each direction of a TCP connection, with the short queue of a router. */

import type { AddressInfo } from "node:net";
import { createServer, type Server, Socket } from "node:net";
import { atEnd } from "./cleanup.ts";

export interface LineQuality {
  readonly bitsPerSecond: number;
  /** Each way, ms. */
  readonly delayMs: number;
}

/** The most bytes that wait for the line. Above it the relay stops reading from the sender until the queue has shrunk. */
const QUEUE_BYTES = 64 * 1024;
/** Data crosses the line in packets of this many bytes, so that a large message arrives bit by bit. */
const PACKET_BYTES = 1_460;
const BITS_A_BYTE = 8;

export interface Relay {
  /** The target's address, over the slow line. */
  route(url: string): string;
  /** Bytes so far: `up` to the target. */
  readonly carried: { readonly up: number; readonly down: number };
  stop(): Promise<void>;
}

export async function startRelay(target: URL, quality: LineQuality): Promise<Relay> {
  const sockets = new Set<Socket>();
  const carried = { up: 0, down: 0 };
  const server = createServer((near) => {
    const far = new Socket();
    near.on("data", ({ length }) => {
      carried.up += length;
    });
    far.on("data", ({ length }) => {
      carried.down += length;
    });
    // Without TCP's own coalescing, which would come on top of the line's.
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    far.connect(Number(target.port), target.hostname);
    carry(near, far, quality);
    carry(far, near, quality);
  });
  const port = await listen(server);
  const stop = atEnd(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    route(url) {
      const routed = new URL(url);
      routed.port = String(port);
      return routed.href;
    },
    carried,
    stop,
  };
}

/** One direction. Each packet leaves when the line is free, takes its time on it, and arrives the delay later. */
function carry(from: Socket, to: Socket, { bitsPerSecond, delayMs }: LineQuality): void {
  const underWay: { readonly arrivesAt: number; readonly packet: Buffer }[] = [];
  const bytesAMs = bitsPerSecond / BITS_A_BYTE / 1_000;
  let freeAt = 0;
  let timer: NodeJS.Timeout | undefined;
  /** Bytes that wait for their turn. */
  const queued = () => Math.max(0, freeAt - performance.now()) * bytesAMs;
  const deliver = () => {
    timer = undefined;
    const now = performance.now();
    for (let next = underWay[0]; next && next.arrivesAt <= now; next = underWay[0]) {
      to.write(next.packet);
      underWay.shift();
    }
    if (from.isPaused() && queued() < QUEUE_BYTES / 2) from.resume();
    schedule();
  };
  const schedule = () => {
    const next = underWay[0];
    if (next && timer === undefined) timer = setTimeout(deliver, Math.max(1, next.arrivesAt - performance.now()));
  };
  from.on("data", (data: Buffer) => {
    for (let start = 0; start < data.length; start += PACKET_BYTES) {
      const packet = data.subarray(start, start + PACKET_BYTES);
      freeAt = Math.max(freeAt, performance.now()) + packet.length / bytesAMs;
      underWay.push({ arrivesAt: freeAt + delayMs, packet });
    }
    if (queued() > QUEUE_BYTES) from.pause();
    schedule();
  });
  from.on("close", () => clearTimeout(timer));
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}
