/** A proxy between clients and a server, as companies and tunnels have them: it drops the header of subprotocols, or sockets. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

const HEADER = "sec-websocket-protocol";

export const FAULTS = [
  "drops the header both ways",
  "drops the header of answers",
  "answers 400 to the header",
  "lets no socket through",
] as const;
export type Fault = (typeof FAULTS)[number];

export interface DroppingProxy {
  /** Where clients reach it: the server's PUBLIC_URL. */
  readonly url: string;
  /** Path and query of each socket that was asked for, and whether it offered subprotocols. */
  readonly upgrades: readonly { readonly path: string; readonly offers: boolean }[];
  /** Where it leads. */
  leadTo(server: string): void;
  /** Stays as it is, but for what goes wrong. */
  become(fault: Fault): void;
  close(): Promise<void>;
}

export async function startDroppingProxy(first: Fault): Promise<DroppingProxy> {
  let fault = first;
  let target = new URL("http://127.0.0.1:9");
  const upgrades: { path: string; offers: boolean }[] = [];
  const open = new Set<Duplex>();

  /** The same request to the server, without these headers. */
  const asked = ({ method, url: path, headers }: IncomingMessage, dropped: readonly string[] = []) => {
    const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.includes(name)));
    const { hostname, port } = target;
    return request({ hostname, port, ...(method && { method }), ...(path && { path }), headers: kept });
  };

  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    const upstream = asked(incoming);
    upstream.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    upstream.on("error", () => response.destroy());
    incoming.pipe(upstream);
  });

  server.on("upgrade", (incoming: IncomingMessage, client: Duplex) => {
    const offers = incoming.headers[HEADER] !== undefined;
    upgrades.push({ path: incoming.url ?? "", offers });
    client.on("error", () => {});
    if (fault === "lets no socket through" || (fault === "answers 400 to the header" && offers)) {
      client.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    const upstream = asked(incoming, fault === "drops the header both ways" ? [HEADER] : []);
    upstream.on("upgrade", (answer, far, head) => {
      const { rawHeaders } = answer;
      const lines = rawHeaders.flatMap((name, at) =>
        at % 2 === 0 && name.toLowerCase() !== HEADER ? [`${name}: ${rawHeaders[at + 1]}`] : [],
      );
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
      client.write(head);
      for (const [one, other] of [
        [client, far],
        [far, client],
      ] as const) {
        open.add(one);
        one.on("error", () => {});
        one.on("close", () => {
          open.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    upstream.on("response", ({ statusCode }) =>
      client.end(`HTTP/1.1 ${statusCode} Refused\r\nconnection: close\r\n\r\n`),
    );
    upstream.on("error", () => client.destroy());
    upstream.end();
  });

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    upgrades,
    leadTo(url) {
      target = new URL(url);
    },
    become(next) {
      fault = next;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
