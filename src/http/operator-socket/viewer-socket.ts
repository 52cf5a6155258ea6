/** The operator socket as its viewer uses it, and what its client offers. */
import type { WebSocket } from "@fastify/websocket";
import { CLIENT_NAME } from "../../protocol/exactly-once.ts";
import {
  BINARY_SUBPROTOCOL,
  CLIENT_SUBPROTOCOL_PREFIX,
  DAMAGE_SUBPROTOCOL,
  MAX_SCALE,
  VIEW_SUBPROTOCOL_PREFIX,
} from "../../protocol/live.ts";
import type { Lens, ViewerForm, ViewerSocket } from "../../session/pictures/viewer.ts";

/** What may wait for a client that does not read; above it the connection is cut. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

export function viewerSocketOf(socket: WebSocket): ViewerSocket {
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

/** The form of the messages, by the chosen subprotocol; empty or false: none. */
export function formOf(protocol: string | false): ViewerForm {
  if (!protocol) return "plain";
  if (protocol === DAMAGE_SUBPROTOCOL) return "damage";
  return protocol === BINARY_SUBPROTOCOL ? "binary" : "json";
}

/** [W31] The name of the client; undefined if it gives none. */
export function clientOf(offered: readonly string[]): string | undefined {
  const offer = offered.find((name) => name.startsWith(CLIENT_SUBPROTOCOL_PREFIX));
  const name = offer?.slice(CLIENT_SUBPROTOCOL_PREFIX.length);
  return name !== undefined && CLIENT_NAME.test(name) ? name : undefined;
}

/** [W14] The view that the client wants from its first picture on; undefined if it asks for none, or for no valid one. */
export function lensOf(offered: readonly string[]): Lens | undefined {
  const offer = offered.find((name) => name.startsWith(VIEW_SUBPROTOCOL_PREFIX));
  const [mode, scaleText, rest] = offer?.slice(VIEW_SUBPROTOCOL_PREFIX.length).split("-") ?? [];
  const scale = rest === undefined ? Number(scaleText) : Number.NaN;
  const isView = (mode === "challenge" || mode === "page") && scale >= 1 && scale <= MAX_SCALE;
  return isView ? { mode, scale } : undefined;
}
