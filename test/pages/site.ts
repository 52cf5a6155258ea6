/** Serves the pages of the corpus, each run in a folder of its own, and keeps what they report. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { COMMON_DOCUMENTS, type CorpusPage } from "./page.ts";

const SCRIPT = new URL("./in-page.js", import.meta.url);
const STYLE = `body{margin:0;font:14px sans-serif}[data-act]{width:58px;height:24px;padding:0;margin:2px;font:11px sans-serif}`;

const markSchema = z.object({
  name: z.string(),
  /** Of several boxes the one with the highest is meant. */
  order: z.number(),
  text: z.string().nullable(),
  hold: z.number(),
  /** Whether the element is a frame, is in one, or neither. */
  frame: z.enum(["is", "in", "none"]),
  x: z.number(),
  y: z.number(),
  width: z.number(),
  height: z.number(),
});
/** An element of the page: where it is now, in CSS px of the page. */
export type Mark = z.infer<typeof markSchema>;

interface Told {
  readonly what: string;
  /** ms since 1970, on this machine's clock. */
  readonly at: number;
}

/** One opening of a page: its address, and what it has reported so far. */
export class Run {
  readonly page: CorpusPage;
  /** The address that a session opens. */
  readonly url: string;
  readonly told: Told[] = [];
  readonly flags = new Set<string>();
  readonly visits = new Map<string, number>();
  marks: readonly Mark[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(page: CorpusPage, folder: string) {
    this.page = page;
    this.url = `${folder}/${page.start}`;
  }

  /** Keeps a report. */
  keep(what: string, at: number, body: unknown): void {
    if (what === "marks") this.marks = z.array(markSchema).parse(body);
    else this.told.push({ what, at });
    for (const check of this.#waiting) check();
  }

  /** The box that the page has now. */
  get box(): Mark | undefined {
    return this.marks.filter(({ name }) => name === "box").sort((a, b) => b.order - a.order)[0];
  }

  /** The first report of this after the first `from`; undefined: none in `ms`. */
  async report(what: string, from: number, ms: number): Promise<Told | undefined> {
    return this.#until(() => this.told.slice(from).find((told) => told.what === what), ms);
  }

  /** The element with this mark, once it is there. */
  async mark(name: string, ms: number): Promise<Mark | undefined> {
    return this.#until(() => this.marks.find((mark) => mark.name === name), ms);
  }

  async #until<T>(find: () => T | undefined, ms: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const done = (found: T | undefined) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(found);
      };
      const check = () => {
        const found = find();
        if (found !== undefined) done(found);
      };
      const timer = setTimeout(() => done(undefined), ms);
      this.#waiting.add(check);
      check();
    });
  }
}

export class PageSite {
  readonly #server: Server;
  readonly #script: string;
  readonly #runs = new Map<string, Run>();

  private constructor(script: string) {
    this.#script = script;
    this.#server = createServer((request, response) => {
      void this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<PageSite> {
    const site = new PageSite(await readFile(SCRIPT, "utf8"));
    await new Promise<void>((resolve) => site.#server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  open(page: CorpusPage): Run {
    const id = (this.#runs.size + 1).toString(36);
    const run = new Run(page, `http://127.0.0.1:${this.#port}/r/${id}`);
    this.#runs.set(id, run);
    return run;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://site");
    const [, id = "", path = ""] = /^\/r\/([^/]+)\/(.*)$/.exec(url.pathname) ?? [];
    const run = this.#runs.get(id);
    const body = Buffer.concat(await request.toArray()).toString();
    if (!run) return void response.writeHead(404).end();
    if (path === "~page.js") {
      return void response
        .writeHead(200, { "content-type": "text/javascript", "cache-control": "max-age=600" })
        .end(this.#script);
    }
    if (path === "~tell") {
      run.keep(url.searchParams.get("what") ?? "", Number(url.searchParams.get("at")), JSON.parse(body));
      return void response.writeHead(204).end();
    }
    if (path === "~flag") {
      run.flags.add(url.searchParams.get("name") ?? "");
      return void response.writeHead(204).end();
    }
    const count = (run.visits.get(path) ?? 0) + 1;
    run.visits.set(path, count);
    const doc = run.page.documents[path] ?? COMMON_DOCUMENTS[path];
    const visit = { count, flags: run.flags, method: request.method ?? "GET", query: url.searchParams };
    const made = typeof doc === "function" ? doc(visit) : doc;
    const {
      status = made === undefined ? 404 : 200,
      headers = {},
      body: html = "",
      delayMs = 0,
    } = typeof made === "object" ? made : { body: made ?? "" };
    if (delayMs > 0) await delay(delayMs);
    const [here, there] = hosts(request.headers.host ?? "", `/r/${id}`);
    response.writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-cache", ...headers });
    const isHtml = headers["content-type"] === undefined;
    response.end(isHtml ? document(here, html).replaceAll("{here}", here).replaceAll("{there}", there) : html);
  }
}

/** The run's folder on the host that was asked, and on the other loopback name: another site. */
function hosts(host: string, folder: string): [here: string, there: string] {
  const port = host.split(":")[1] ?? "";
  const other = host.startsWith("127.0.0.1") ? "localhost" : "127.0.0.1";
  return [`http://${host}${folder}`, `http://${other}:${port}${folder}`];
}

/** A whole document, unless the text is one already. */
function document(here: string, html: string): string {
  const head = `<meta charset="utf-8"><title>Page</title><style>${STYLE}</style><script src="${here}/~page.js"></script>`;
  return html.startsWith("<html")
    ? `<!doctype html>${html.replace(/<html[^>]*>/, (tag) => tag + head)}`
    : `<!doctype html>${head}<body>${html}`;
}
