/** The subprotocols of an upgrade: besides the form of the messages, clients offer a ticket, their name and a view there. */
import type { IncomingHttpHeaders } from "node:http";
import { BINARY_SUBPROTOCOL, DAMAGE_SUBPROTOCOL, JSON_SUBPROTOCOL } from "../../protocol/live.ts";
import { BY_MESSAGE, PROTOCOLS_QUERY } from "../../protocol/protocols-by-message.ts";
import { RELAY_SUBPROTOCOL } from "../../protocol/relay-terms.ts";

/** [W59] Whether the client offers nothing with its upgrade, and says by its first message what it would have offered. */
export function offersByMessage(query: Readonly<Record<string, unknown>>): boolean {
  return query[PROTOCOLS_QUERY] === BY_MESSAGE;
}

/** Everything that a client offers, ours or not. */
export function offeredSubprotocols(headers: IncomingHttpHeaders): string[] {
  return (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}

/** The subprotocol that is answered: by itself ws would answer the first one, whatever it is. False: none. */
export function chooseSubprotocol(offered: ReadonlySet<string>): string | false {
  const ours = [DAMAGE_SUBPROTOCOL, BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL, RELAY_SUBPROTOCOL];
  return ours.find((name) => offered.has(name)) ?? false;
}
