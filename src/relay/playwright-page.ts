/** A page that the bot drives with Playwright: lent over DevTools sessions of its own context, and cropped by one of them. */
import { playwrightEmulation } from "./emulation.ts";
import { RelayError } from "./errors.ts";
import type { Command, DevToolsEvent } from "./filter.ts";
import { isPlaywrightPage, type LentPage, type LentSession, type PlaywrightOptions } from "./lent-page.ts";
import { type Crop, type GoneReason, type LocalPage, SESSION_EVENTS } from "./local-page.ts";
import { isObject } from "./methods.ts";
import { PageCrop } from "./page-crop.ts";

type Facts = Readonly<Record<string, unknown>>;

/** Takes commands of one session: a page's, or that of a frame in a process of its own. */
interface Sender {
  send(method: string, params: object): Promise<unknown>;
}

export class PlaywrightPage implements LocalPage {
  readonly targetId: string;
  readonly gone: Promise<GoneReason>;
  readonly #page: LentPage;
  readonly #crop: PageCrop | null;
  readonly #sessions = new Map<string, Sender & { readonly end: () => void }>();
  /** The page and its windows, by their target. */
  readonly #pages = new Map<string, LentPage>();
  readonly #stops: (() => void)[] = [];
  #listener: (event: DevToolsEvent) => void = () => {};
  #browserSession: Promise<LentSession> | null = null;
  #lastSession = 0;

  private constructor(page: LentPage, targetId: string, crop: PageCrop | null) {
    this.#page = page;
    this.#crop = crop;
    this.targetId = targetId;
    this.gone = new Promise((resolve) => {
      this.#on(page, "close", () => resolve("page_closed"));
      this.#on(page, "crash", () => resolve("page_crashed"));
      const browser = page.context().browser();
      const lost = () => resolve("browser_lost");
      browser?.on("disconnected", lost);
      this.#stops.push(() => browser?.off("disconnected", lost));
    });
  }

  /** RelayError: invalid_message (not an open page of a Chromium). */
  static async open(page: LentPage, options: PlaywrightOptions = {}): Promise<PlaywrightPage> {
    const opening = isPlaywrightPage(page) ? sessionOf(page) : Promise.reject(new TypeError("not a Playwright page"));
    const session = await opening.catch((cause: unknown) => {
      throw new RelayError("invalid_message", "not an open page of a Chromium", { cause });
    });
    const targetId = await targetOf(session);
    const crop = await PageCrop.begin(playwrightEmulation(page, options), session);
    // The session of a crop stays for as long as the page: its end would take the bot's own emulation away.
    if (!crop) await session.detach().catch(() => {});
    return new PlaywrightPage(page, targetId, crop);
  }

  get crop(): Crop | null {
    return this.#crop && { density: this.#crop.density, touch: this.#crop.touch };
  }

  async send({ method, params, sessionId }: Command): Promise<Facts> {
    const answer =
      sessionId === undefined ? this.#ofBrowser(method, params) : this.#ofSession(method, params, sessionId);
    const result: unknown = await answer;
    return isObject(result) ? result : {};
  }

  onEvent(listener: (event: DevToolsEvent) => void): void {
    this.#listener = listener;
    this.#follow(this.#page, this.targetId, undefined);
    for (const page of this.#page.context().pages()) if (isPlaywrightPage(page)) void this.#followIfOpened(page);
  }

  reset(sessions: readonly string[]): void {
    this.#crop?.end();
    for (const id of sessions) {
      this.#sessions.get(id)?.end();
      this.#sessions.delete(id);
    }
  }

  async close(): Promise<void> {
    this.#crop?.end();
    this.#crop?.stop();
    for (const { end } of this.#sessions.values()) end();
    this.#sessions.clear();
    for (const stop of this.#stops.splice(0)) stop();
    const session = await this.#browserSession?.catch(() => null);
    await session?.detach().catch(() => {});
  }

  async #ofBrowser(method: string, params: Facts): Promise<unknown> {
    const page = this.#pages.get(String(params["targetId"]));
    switch (method) {
      case "Target.attachToTarget":
        if (!page) throw new Error("No target with given id found");
        return { sessionId: await this.#attach(page) };
      case "Target.detachFromTarget": {
        const id = String(params["sessionId"]);
        this.#sessions.get(id)?.end();
        this.#sessions.delete(id);
        return {};
      }
      case "Target.activateTarget":
        await page?.bringToFront();
        return {};
      case "Target.closeTarget":
        await page?.close();
        return { success: true };
      case "SystemInfo.getProcessInfo":
        return (await this.#browser()).send(method);
      default:
        return {};
    }
  }

  #ofSession(method: string, params: Facts, sessionId: string): Promise<unknown> {
    const session = this.#sessions.get(sessionId);
    if (!session) throw new Error("Session with given id not found.");
    if (method === "Relay.setCrop" || method === "Relay.capture") {
      if (!this.#crop) throw new Error("This page cannot be cropped.");
      const { clip, quality } = params;
      if (method === "Relay.setCrop") return this.#crop.set(isObject(clip) ? clip : null);
      return this.#crop.capture(isObject(clip) ? clip : {}, Number(quality));
    }
    // Playwright passes on no messages of sessions that it has not opened itself: they come inside of the page's events.
    const given = method === "Target.setAutoAttach" ? { ...params, flatten: false } : params;
    return session.send(method, given);
  }

  async #attach(page: LentPage): Promise<string> {
    const session = await sessionOf(page);
    const id = this.#nextId();
    const frames = new FrameSessions(session, id, () => this.#nextId(), {
      emit: (event) => this.#listener(event),
      opened: (frame, sender) => this.#sessions.set(frame, { ...sender, end: () => {} }),
      closed: (frame) => this.#sessions.delete(frame),
    });
    for (const name of SESSION_EVENTS) {
      if (name.startsWith("Target.")) continue;
      session.on(name, (params) => this.#listener({ method: name, params, sessionId: id }));
    }
    frames.begin();
    this.#sessions.set(id, {
      send: (method, params) => session.send(method, params),
      end: () => {
        session.detach().catch(() => {});
      },
    });
    session.on("close", () => {
      if (this.#sessions.delete(id)) this.#listener({ method: "Target.detachedFromTarget", params: { sessionId: id } });
    });
    return id;
  }

  /** Names of our own: Playwright keeps its sessions' ids to itself. */
  #nextId(): string {
    this.#lastSession += 1;
    return `s${this.#lastSession}`;
  }

  #browser(): Promise<LentSession> {
    const browser = this.#page.context().browser();
    if (!browser) throw new Error("Not for a persistent context.");
    this.#browserSession ??= browser.newBrowserCDPSession().then(asSession);
    return this.#browserSession;
  }

  async #followIfOpened(page: LentPage): Promise<void> {
    const opener = await page.opener().catch(() => null);
    const known = [...this.#pages].find(([, own]) => own === opener);
    if (known && ![...this.#pages.values()].includes(page)) await this.#followWindow(page, known[0]);
  }

  async #followWindow(page: LentPage, openerId: string): Promise<void> {
    try {
      const session = await sessionOf(page);
      const targetId = await targetOf(session);
      await session.detach();
      this.#follow(page, targetId, openerId);
    } catch {
      // It was closed at once.
    }
  }

  /** Reports a tab and what becomes of it, as a browser's own DevTools socket does. */
  #follow(page: LentPage, targetId: string, openerId: string | undefined): void {
    this.#pages.set(targetId, page);
    const report = (method: string) => {
      const opened = openerId === undefined ? {} : { openerId };
      const targetInfo = { targetId, type: "page", title: "", url: page.url(), attached: true, ...opened };
      this.#listener({ method, params: { targetInfo } });
    };
    report("Target.targetCreated");
    this.#on(page, "framenavigated", (frame) => {
      if (frame === page.mainFrame()) report("Target.targetInfoChanged");
    });
    this.#on(page, "popup", (opened) => {
      if (isPlaywrightPage(opened)) void this.#followWindow(opened, targetId);
    });
    this.#on(page, "close", () => {
      this.#pages.delete(targetId);
      this.#listener({ method: "Target.targetDestroyed", params: { targetId } });
    });
  }

  #on(page: LentPage, event: string, listener: (about: unknown) => void): void {
    if (!isPlaywrightPage(page)) return;
    page.on(event, listener);
    this.#stops.push(() => page.off(event, listener));
  }
}

interface FrameSessionsHooks {
  readonly emit: (event: DevToolsEvent) => void;
  readonly opened: (id: string, sender: Sender) => void;
  readonly closed: (id: string) => void;
}

/** Sessions of a page's frames in processes of their own, whose messages travel inside of the page's session. */
class FrameSessions {
  readonly #session: LentSession;
  readonly #id: string;
  readonly #nextId: () => string;
  readonly #hooks: FrameSessionsHooks;
  /** By the browser's id for the session. */
  readonly #frames = new Map<string, FrameSession>();

  constructor(session: LentSession, id: string, nextId: () => string, hooks: FrameSessionsHooks) {
    this.#session = session;
    this.#id = id;
    this.#nextId = nextId;
    this.#hooks = hooks;
  }

  begin(): void {
    for (const name of ["Target.attachedToTarget", "Target.detachedFromTarget", "Target.receivedMessageFromTarget"]) {
      this.#session.on(name, (params) => this.#onEvent(name, params, this.#id, this.#session));
    }
  }

  #onEvent(method: string, params: Facts, parentId: string, parent: Sender): void {
    const own = String(params["sessionId"]);
    const frame = this.#frames.get(own);
    switch (method) {
      case "Target.attachedToTarget": {
        const id = this.#nextId();
        const opened = new FrameSession(own, parent);
        this.#frames.set(own, opened);
        this.#hooks.opened(id, { send: (name, given) => opened.send(name, given) });
        opened.listen((inner, innerParams) => {
          if (/^Target\.(attachedTo|detachedFrom|receivedMessageFrom)Target$/.test(inner)) {
            this.#onEvent(inner, innerParams, id, opened);
          } else this.#hooks.emit({ method: inner, params: innerParams, sessionId: id });
        });
        opened.id = id;
        this.#hooks.emit({ method, params: { ...params, sessionId: id }, sessionId: parentId });
        break;
      }
      case "Target.detachedFromTarget":
        if (!frame) return;
        this.#frames.delete(own);
        frame.end();
        this.#hooks.closed(frame.id);
        this.#hooks.emit({ method, params: { sessionId: frame.id }, sessionId: parentId });
        break;
      default:
        frame?.take(String(params["message"]));
    }
  }
}

class FrameSession implements Sender {
  id = "";
  readonly #own: string;
  readonly #parent: Sender;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #listener: (method: string, params: Facts) => void = () => {};
  #lastId = 0;

  constructor(own: string, parent: Sender) {
    this.#own = own;
    this.#parent = parent;
  }

  listen(listener: (method: string, params: Facts) => void): void {
    this.#listener = listener;
  }

  send(method: string, given: object): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    const params = method === "Target.setAutoAttach" ? { ...given, flatten: false } : given;
    const answered = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    const message = JSON.stringify({ id, method, params });
    this.#parent.send("Target.sendMessageToTarget", { sessionId: this.#own, message }).catch((error: Error) => {
      this.#waiting.get(id)?.reject(error);
      this.#waiting.delete(id);
    });
    return answered;
  }

  take(text: string): void {
    const message: unknown = JSON.parse(text);
    if (!isObject(message)) return;
    const { id, method, params, result, error } = message;
    if (typeof method === "string") this.#listener(method, isObject(params) ? params : {});
    if (typeof id !== "number") return;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (isObject(error)) waiting?.reject(new Error(String(error["message"])));
    else waiting?.resolve(result);
  }

  end(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error("Target closed"));
    this.#waiting.clear();
  }
}

export async function sessionOf(page: LentPage): Promise<LentSession> {
  return asSession(await page.context().newCDPSession(page as never));
}

export function asSession(given: unknown): LentSession {
  return given as LentSession;
}

export async function targetOf(session: LentSession): Promise<string> {
  const answer: unknown = await session.send("Target.getTargetInfo");
  const info = isObject(answer) ? answer["targetInfo"] : undefined;
  return isObject(info) ? String(info["targetId"]) : "";
}
