/** Serves the test pages under three host names, and receives the pages' reports of the moves that they got. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Rect } from "../src/protocol/common.ts";
import { atEnd } from "./cleanup.ts";
import type { Point } from "./moves.ts";
import { challengeDocument, framingDocument, type Hand, originOf, type PageKind } from "./page.ts";

/** Frames around the challenge: none, one of another site, or one of a third site inside that one. */
export type Placed = "main" | "frame" | "nested";

export interface PageAsked {
  readonly kind: PageKind;
  readonly placed: Placed;
  readonly animated?: boolean;
  /** The challenge has a response field, as kinds have that are judged by it. */
  readonly hasField?: boolean;
  /** A mouse when left out. */
  readonly hand?: Hand;
}

export interface OpenedPage {
  readonly url: string;
  /** The page's report of the drag, which it sends on release; null if none arrives within a second. */
  report(): Promise<PageReport | null>;
}

export interface PageReport {
  /** All moves that the page received, in px of the page, with those that the browser merged for painting. */
  readonly seen: readonly (readonly [number, number])[];
  /** The moves that the page painted. */
  readonly painted: readonly (readonly [number, number])[];
}

/** The frame's rectangle on the page. An inner frame makes the challenge appear at the same position. */
const FRAME: Rect = { x: 430, y: 200, width: 420, height: 300 };
const OUTER_FRAME: Rect = { x: 400, y: 170, width: 480, height: 360 };
const REPORT_PATIENCE_MS = 1_000;
const REPORT_POLL_MS = 10;

/** The canvas has the id of the console's canvas, by which the probe in the page finds it. */
const PAINTED_AT_ONCE = `<!doctype html><canvas id="screen"></canvas><script>
  const canvas = document.getElementById("screen");
  canvas.getContext("2d").drawImage(canvas, 0, 0);
</script>`;

export class Site {
  readonly #servers: Server[] = [];
  readonly #reports = new Map<string, PageReport>();
  readonly #pages = new Map<string, PageAsked>();
  #origins: readonly string[] = [];
  #runs = 0;

  static async start(): Promise<Site> {
    const site = new Site();
    atEnd(async () => site.#stop());
    const [main, other, third] = [
      await site.#listen("127.0.0.1"),
      await site.#listen("127.0.0.1"),
      await site.#listen("127.0.0.2"),
    ];
    site.#origins = [`http://127.0.0.1:${main}`, `http://localhost:${other}`, `http://127.0.0.2:${third}`];
    return site;
  }

  /** A page for one run. Its URL is new, so that its report belongs to this run. */
  page(asked: PageAsked): OpenedPage {
    this.#runs += 1;
    const run = String(this.#runs);
    this.#pages.set(run, asked);
    return {
      url: `${this.#origins[0]}/page/${run}`,
      report: async () => {
        const end = performance.now() + REPORT_PATIENCE_MS;
        while (!this.#reports.has(run) && performance.now() < end) await delay(REPORT_POLL_MS);
        return this.#reports.get(run) ?? null;
      },
    };
  }

  /** A page of another site than `paintedAtOnce`, with nothing on it. */
  get otherSite(): string {
    return `${this.#origins[1]}/elsewhere`;
  }

  /** A page with a picture that loads nothing else; it gets a process of its own, as the console does. */
  get paintedAtOnce(): string {
    return `${this.#origins[0]}/painted`;
  }

  async #listen(host: string): Promise<number> {
    const server = createServer((request, response) => this.#answer(request, response));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, host, resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [what, run = ""] = (request.url ?? "/").split("/").filter(Boolean);
    const asked = this.#pages.get(run);
    if (what === "seen") {
      let text = "";
      request.on("data", (data) => {
        text += data;
      });
      request.on("end", () => {
        this.#reports.set(run, JSON.parse(text) as PageReport);
        response.end();
      });
      return;
    }
    if (what === "painted") {
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("content-type", "text/html; charset=utf-8").end(PAINTED_AT_ONCE);
      return;
    }
    if (what === "elsewhere") {
      response.setHeader("content-type", "text/html; charset=utf-8").end("<!doctype html><p>Elsewhere</p>");
      return;
    }
    response.statusCode = asked ? 200 : 404;
    response.setHeader("content-type", "text/html; charset=utf-8").end(asked ? this.#html(what, run, asked) : "");
  }

  /** `page` is the document that is opened; `middle` and `inner` are its frames. */
  #html(
    what: string | undefined,
    run: string,
    { kind, placed, animated, hasField, hand = "mouse" }: PageAsked,
  ): string {
    const document = (origin: Point) => challengeDocument({ kind, animated, hasField, hand, run, origin });
    if (what === "inner") return document(FRAME);
    if (what === "middle") {
      const inside = { ...FRAME, x: FRAME.x - OUTER_FRAME.x, y: FRAME.y - OUTER_FRAME.y };
      return framingDocument(`${this.#origins[2]}/inner/${run}`, inside, false);
    }
    if (placed === "main") return document(originOf(hand));
    if (placed === "frame") return framingDocument(`${this.#origins[1]}/inner/${run}`, FRAME, true);
    return framingDocument(`${this.#origins[1]}/middle/${run}`, OUTER_FRAME, true);
  }

  async #stop(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}
