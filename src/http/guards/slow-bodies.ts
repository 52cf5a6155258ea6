/** Requests whose body may take longer than others: their route watches over their progress itself. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** How long a refused request may go on sending, so that its client can read the answer. */
const REST_MS = 5_000;

const slow = new WeakSet<Socket>();

/** Node's own limit for a whole request does not count for this one. What it still sends after its answer is cut off. */
export function withoutTimeout(request: IncomingMessage): void {
  const { socket } = request;
  slow.add(socket);
  request.once("close", () => slow.delete(socket));
}

/** Whether a timeout of this connection is about such a request. */
export function isSlowAllowed(socket: Socket): boolean {
  return slow.has(socket);
}

/** Ends the connection of a request that was answered before all of it had come, and still comes after a while. */
export function cutOffRest(request: IncomingMessage): void {
  if (request.complete) return;
  const timer = setTimeout(() => !request.complete && request.destroy(), REST_MS);
  timer.unref();
  request.once("close", () => clearTimeout(timer));
}
