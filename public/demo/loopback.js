// A second origin on the same machine: this server under its other loopback name.

/** `type` of the messages between a framed challenge and the page around it. */
export const FRAME_MESSAGE = "demo-challenge";

/** `http://localhost:PORT` when this page came from 127.0.0.1, and the other way round. */
export function otherLoopbackOrigin() {
  const other = new URL(location.origin);
  other.hostname = location.hostname === "localhost" ? "127.0.0.1" : "localhost";
  return other.origin;
}
