import console from "node:console";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

type HeaderTexts = Record<string, string>;
const [secret = "", port = "4000"] = process.argv.slice(2);
const webhook = new Webhook(secret);
const seen = new Set<string>();

const server = createServer(async (request, response) => {
  try {
    const body = Buffer.concat(await request.toArray()).toString();
    const event = webhook.verify(body, request.headers as HeaderTexts) as { id: string; type: string; data: unknown };
    response.writeHead(204).end();
    // An event may come more than once, with the same id.
    if (!seen.has(event.id)) console.log(event.type, event.data);
    seen.add(event.id);
  } catch {
    response.writeHead(400).end();
  }
});
server.listen(Number(port), "127.0.0.1", () => console.log("Listening at", server.address()));
