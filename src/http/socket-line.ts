/** The operator socket as a viewer needs it. */
import type { WebSocket } from "@fastify/websocket";
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from "../protocol/live.ts";
import type { ViewerForm, ViewerLine } from "../session/viewer.ts";

/** Text that waits for a reader who does not read; above it the line is given up. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

export function lineOf(socket: WebSocket): ViewerLine {
  const isOpen = () => socket.readyState === socket.OPEN;
  const send = (message: string | Uint8Array) => {
    if (!isOpen()) return;
    if (socket.bufferedAmount > MAX_BUFFERED_BYTES) socket.terminate();
    else socket.send(message);
  };
  return {
    sendText: send,
    sendBinary: send,
    pingBehind: (seq) => {
      if (isOpen()) socket.ping(String(seq));
    },
    bufferedBytes: () => socket.bufferedAmount,
    close: (code, reason) => socket.close(code, reason),
  };
}

export function formOf({ protocol }: WebSocket): ViewerForm {
  if (protocol === "") return "plain";
  return protocol === BINARY_SUBPROTOCOL ? "binary" : "json";
}

/** ws answers the first offered subprotocol whatever it is; only ours is answered. */
export function chooseSubprotocol(offered: Set<string>): string | false {
  return [BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL].find((ours) => offered.has(ours)) ?? false;
}
