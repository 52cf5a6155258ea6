/** Opens a session as a person does who was sent a link: trades its token for a ticket, and the ticket for a socket. */
import { JSON_SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX } from "../../src/protocol/live.ts";
import type { LiveClient } from "./live-client.ts";

export type Connect = (wsUrl: string, options: { protocols: string[] }) => Promise<LiveClient>;

export async function openLink(link: string, connect: Connect): Promise<LiveClient> {
  const { origin, pathname, hash } = new URL(link);
  const [base = "", id = ""] = pathname.split("/control/");
  const headers = { authorization: `Bearer ${hash.slice(1)}` };
  const response = await fetch(`${origin}${base}/session/${id}/ticket`, { method: "POST", headers });
  if (!response.ok) throw new Error(await response.text());
  const { ticket } = (await response.json()) as { ticket: string };
  const protocols = [JSON_SUBPROTOCOL, TICKET_SUBPROTOCOL_PREFIX + ticket];
  return connect(`${origin.replace("http", "ws")}${base}/ws/${id}`, { protocols });
}
