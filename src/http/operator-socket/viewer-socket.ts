/** The operator socket as a viewer needs it. */
import type { IncomingHttpHeaders } from "node:http";
import type { WebSocket } from "@fastify/websocket";
import {
  BINARY_SUBPROTOCOL,
  CLIENT_SUBPROTOCOL_PREFIX,
  JSON_SUBPROTOCOL,
  MAX_SCALE,
  VIEW_SUBPROTOCOL_PREFIX,
} from "../../protocol/live.ts";
import { CLIENT_NAME } from "../../protocol/numbered.ts";
import type { Lens, ViewerForm, ViewerSocket } from "../../session/pictures/viewer.ts";

/** Text that waits for a reader who does not read; above it the line is given up. */
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

export function formOf({ protocol }: WebSocket): ViewerForm {
  if (protocol === "") return "plain";
  return protocol === BINARY_SUBPROTOCOL ? "binary" : "json";
}

/** ws answers the first offered subprotocol whatever it is; only ours is answered. */
export function chooseSubprotocol(offered: Set<string>): string | false {
  return [BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL].find((ours) => offered.has(ours)) ?? false;
}

/** Everything that a client offers for its socket, ours or not. */
export function offeredBy(headers: IncomingHttpHeaders): string[] {
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}

/** [W31] The name of the client, where it gives one. */
export function clientOf(headers: IncomingHttpHeaders): string | undefined {
  const offer = offeredBy(headers).find((name) => name.startsWith(CLIENT_SUBPROTOCOL_PREFIX));
  const name = offer?.slice(CLIENT_SUBPROTOCOL_PREFIX.length);
  return name !== undefined && CLIENT_NAME.test(name) ? name : undefined;
}

/** [W14] What a viewer is to be shown from its first picture on; undefined where it says nothing that can be shown. */
export function lensOf(headers: IncomingHttpHeaders): Lens | undefined {
  const offer = offeredBy(headers).find((name) => name.startsWith(VIEW_SUBPROTOCOL_PREFIX));
  const [mode, scaleText, rest] = offer?.slice(VIEW_SUBPROTOCOL_PREFIX.length).split("-") ?? [];
  const scale = rest === undefined ? Number(scaleText) : Number.NaN;
  const isView = (mode === "challenge" || mode === "page") && scale >= 1 && scale <= MAX_SCALE;
  return isView ? { mode, scale } : undefined;
}
