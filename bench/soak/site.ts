/** The soak's own site: challenges that report the position of their answer, and a receiver of webhooks. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { atEnd } from "../cleanup.ts";

const HOOK_PATH = "/hook";
const PLACE_PATH = "/place";

/** A challenge with one button at a random position. A press clears it. The page reports the position to this site only. */
const PAGE = `<!doctype html><body style="height:100%"><div id="the-captcha"
    style="position:absolute;left:60px;top:60px;width:400px;height:260px;background:#dde">
  <button id="ok" style="position:absolute;width:60px;height:40px">ok</button></div>
  <script>
    const button = document.getElementById("ok");
    const [x, y] = [Math.random() * 330, Math.random() * 210];
    button.style.left = x + "px";
    button.style.top = y + "px";
    document.cookie = "visited=1; max-age=3600";
    const tell = () => fetch("${PLACE_PATH}" + location.search + "&x=" + (90 + x) + "&y=" + (80 + y), { method: "POST" });
    tell();
    let presses = 0;
    button.addEventListener("click", () => { presses += 1; document.getElementById("the-captcha").remove(); });
  </script></body>`;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface SoakSite {
  /** The URL of a challenge with this name. */
  readonly pageFor: (name: string) => string;
  /** The position of its button; undefined until the page has been opened. */
  readonly answerOf: (name: string) => Point | undefined;
  readonly hookUrl: string;
  /** Ids of the ends that arrived by webhook, repeats included, by session. */
  readonly endsOf: (sessionId: string) => readonly string[];
}

export async function startSoakSite(): Promise<SoakSite> {
  const answers = new Map<string, Point>();
  const ends = new Map<string, string[]>();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://site");
    if (url.pathname === HOOK_PATH) {
      const { id, type, data } = JSON.parse(Buffer.concat(await request.toArray()).toString());
      if (type === "session.ended") ends.set(data.session_id, [...(ends.get(data.session_id) ?? []), id]);
      response.writeHead(204).end();
      return;
    }
    if (url.pathname === PLACE_PATH) {
      const [x, y] = [Number(url.searchParams.get("x")), Number(url.searchParams.get("y"))];
      answers.set(url.searchParams.get("name") ?? "", { x, y });
      response.end();
      return;
    }
    response.setHeader("content-type", "text/html; charset=utf-8").end(PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(async () => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    pageFor: (name) => `${origin}/?name=${name}`,
    answerOf: (name) => answers.get(name),
    hookUrl: `${origin}${HOOK_PATH}`,
    endsOf: (sessionId) => ends.get(sessionId) ?? [],
  };
}
