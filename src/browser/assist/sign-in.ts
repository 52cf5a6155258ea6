/**
 * [W50] Sign-ins of the browser (HTTP Basic and Digest) for the main document of an owned page: answered with the
 * bot's credentials, else asked of the person in control.
 *
 * CDP reports them only to a client that pauses requests (`Fetch`), which costs each request up to half its time. So
 * requests are paused only while credentials are being tried: the answer 401 is let through, and the document is
 * requested again with them. Afterwards the browser itself sends them to that site.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../errors.ts";
import type { ClientMessageOf } from "../../protocol/live.ts";
import type { HttpCredentials } from "../../protocol/rest.ts";
import type { PageEvents } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";
import { challengeOf } from "./http-challenge.ts";

/** A person may mistype; a site locks an account after more. */
const MAX_TRIES = 3;
/** A busy machine takes seconds to begin a reload. */
const CALL_DEADLINE_MS = 5_000;
/** A document that was asked for again has begun to come by then. */
const RELOAD_AGAIN_MS = 5_000;
/** How often a reload that the browser refuses is sent. */
const RELOADS = 5;
const REFUSED_PAUSE_MS = 200;

/** A session of the page itself that has the Network and Page domains enabled. */
export interface SignInSession extends CdpSender {
  on(event: "Network.responseReceived", listener: (event: ResponseEvent) => void): unknown;
  on(event: "Page.frameNavigated", listener: (event: NavigatedEvent) => void): unknown;
  on(event: "Fetch.requestPaused", listener: (event: PausedEvent) => void): unknown;
  on(event: "Fetch.authRequired", listener: (event: AuthEvent) => void): unknown;
}

interface ResponseEvent {
  readonly loaderId: string;
  readonly type: string;
  readonly frameId?: string;
  readonly response: {
    readonly url: string;
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
  };
}

interface NavigatedEvent {
  readonly frame: { readonly id: string; readonly loaderId: string };
}

interface PausedEvent {
  readonly requestId: string;
}

interface AuthEvent extends PausedEvent {
  readonly frameId: string;
  readonly authChallenge: { readonly source?: "Server" | "Proxy"; readonly origin: string };
}

export interface SignInDeps extends Pick<PageEvents, "ask" | "withdraw"> {
  readonly session: SignInSession;
  /** The id of the page's main frame. */
  readonly frameId: string;
  /** The bot's credentials, and the one origin that they are for. */
  readonly given: (HttpCredentials & { readonly origin: string }) | null;
  readonly log: { warn(facts: object, message: string): void };
}

/** A document that was answered 401. */
interface Refused {
  readonly loaderId: string;
  readonly origin: string;
  readonly realm: string;
  triesLeft: number;
  /** The bot's credentials were tried. */
  triedGiven: boolean;
  /** The browser shows it: what is requested before that would be lost. */
  isShown: boolean;
  /** The open question; null: nobody is asked at the moment. */
  questionId: string | null;
  /** The person has said that they do not sign in. */
  declined: boolean;
}

/** Credentials on their way to the site that asked for them. */
interface Attempt extends HttpCredentials {
  readonly origin: string;
  /** They are the bot's. */
  readonly isGiven: boolean;
  isUsed: boolean;
}

export class SignIn {
  readonly #deps: SignInDeps;
  #refused: Refused | null = null;
  #attempt: Attempt | null = null;
  /** The document that the page shows. */
  #shownLoaderId = "";

  constructor(deps: SignInDeps) {
    this.#deps = deps;
    const { session } = deps;
    session.on("Network.responseReceived", (event: ResponseEvent) => this.#onResponse(event));
    session.on("Page.frameNavigated", ({ frame }: NavigatedEvent) => this.#onNavigated(frame));
    session.on("Fetch.requestPaused", ({ requestId }: PausedEvent) => {
      session.send("Fetch.continueRequest", { requestId }).catch(() => {});
    });
    session.on("Fetch.authRequired", (event: AuthEvent) => this.#onAuthRequired(event));
  }

  /** Gives the bot's credentials to the first navigation. Rejects when the browser does not answer. */
  async begin(): Promise<void> {
    if (this.#deps.given) await this.#arm(this.#deps.given);
  }

  /** Whoever can answer may be in control now: what nobody was asked is asked. */
  askAgain(): void {
    const refused = this.#refused;
    if (refused?.isShown && !refused.declined && refused.questionId === null && !this.#attempt) this.#ask(refused);
  }

  /** Throws AppError `question_gone`, `page_unresponsive`. */
  async answer({ question_id, username, password }: ClientMessageOf<"answer_sign_in">): Promise<void> {
    const refused = this.#refused;
    if (refused?.questionId !== question_id) throw new AppError("question_gone", { field: "question_id" });
    refused.questionId = null;
    if (username === undefined) {
      refused.declined = true;
      return;
    }
    refused.triesLeft -= 1;
    await this.#try({ username, password: password ?? "", origin: refused.origin }).catch((cause: unknown) => {
      // The site has not seen them: the person is asked anew.
      this.#disarm();
      this.#deps.withdraw(question_id);
      refused.triesLeft += 1;
      if (this.#refused === refused) this.#ask(refused);
      throw new AppError("page_unresponsive", undefined, { cause });
    });
  }

  #onResponse({ type, frameId, loaderId, response: { url, status, headers } }: ResponseEvent): void {
    if (type !== "Document" || frameId !== this.#deps.frameId) return;
    const usedGiven = this.#attempt?.isUsed === true && this.#attempt.isGiven;
    this.#disarm();
    const before = this.#refused;
    if (before?.questionId) this.#deps.withdraw(before.questionId);
    const challenge = status === 401 ? challengeOf(headers) : null;
    const origin = URL.parse(url)?.origin;
    if (!challenge || origin === undefined) {
      this.#refused = null;
      return;
    }
    const isSame = before?.origin === origin && before.realm === challenge.realm;
    const triesLeft = isSame ? before.triesLeft : MAX_TRIES;
    const triedGiven = usedGiven || (isSame && before.triedGiven);
    const { realm } = challenge;
    const open = { isShown: false, questionId: null, declined: false };
    this.#refused = { loaderId, origin, realm, triesLeft, triedGiven, ...open };
    this.#onShown();
  }

  #onNavigated({ id, loaderId }: NavigatedEvent["frame"]): void {
    if (id !== this.#deps.frameId) return;
    this.#shownLoaderId = loaderId;
    this.#onShown();
  }

  /** The two events of a document come from two processes of the browser, in either order, and after those of another. */
  #onShown(): void {
    const refused = this.#refused;
    if (!refused || refused.isShown || refused.loaderId !== this.#shownLoaderId) return;
    refused.isShown = true;
    const { given, log } = this.#deps;
    if (given?.origin !== refused.origin || refused.triedGiven) {
      this.#ask(refused);
      return;
    }
    refused.triedGiven = true;
    this.#try(given).catch((error: unknown) => {
      log.warn({ err: error }, "the credentials could not be tried");
      this.#ask(refused);
    });
  }

  #ask(refused: Refused): void {
    if (refused.triesLeft <= 0) return;
    const { origin: site, realm, triesLeft: tries_left } = refused;
    const question_id = randomUUID();
    if (this.#deps.ask({ type: "ask_sign_in", question_id, site, realm, tries_left })) refused.questionId = question_id;
  }

  /** Requests the document again, with these credentials. Rejects when the browser refuses it again and again. */
  async #try(credentials: HttpCredentials & { readonly origin: string }): Promise<void> {
    await this.#arm(credentials);
    const attempt = this.#attempt;
    const isOver = () => !attempt || this.#attempt !== attempt || attempt.isUsed;
    const reload = () => withDeadline(this.#deps.session.send("Page.reload"), CALL_DEADLINE_MS, "page");
    // A browser that is about to show its own error page refuses it.
    for (let triesLeft = RELOADS; !isOver(); triesLeft -= 1) {
      const refusal = await reload().then(
        () => null,
        (error: unknown) => ({ error }),
      );
      if (refusal === null) break;
      // A page that does not answer is no refusal: the person hears of it now.
      const isRefusal = !(refusal.error instanceof AppError);
      if ((triesLeft <= 1 || !isRefusal) && !isOver()) throw refusal.error;
      await delay(REFUSED_PAUSE_MS);
    }
    // A browser that is busy with the document before may drop it.
    setTimeout(() => isOver() || reload().catch(() => {}), RELOAD_AGAIN_MS).unref();
  }

  async #arm(credentials: HttpCredentials & { readonly origin: string }): Promise<void> {
    const { origin } = credentials;
    this.#attempt = { ...credentials, isGiven: credentials === this.#deps.given, isUsed: false };
    const patterns = [{ urlPattern: `${origin}/*`, resourceType: "Document" as const }];
    const arming = this.#deps.session.send("Fetch.enable", { handleAuthRequests: true, patterns });
    await withDeadline(arming, CALL_DEADLINE_MS, "sign-in");
  }

  #disarm(): void {
    if (!this.#attempt) return;
    this.#attempt = null;
    this.#deps.session.send("Fetch.disable").catch(() => {});
  }

  #onAuthRequired({ requestId, frameId, authChallenge: { source, origin } }: AuthEvent): void {
    const attempt = this.#attempt;
    const isOurs = frameId === this.#deps.frameId && source !== "Proxy" && origin === attempt?.origin;
    // Asked once more, the site has refused them.
    const provided = attempt && isOurs && !attempt.isUsed ? attempt : null;
    if (provided) provided.isUsed = true;
    const authChallengeResponse = provided
      ? ({ response: "ProvideCredentials", username: provided.username, password: provided.password } as const)
      : ({ response: "CancelAuth" } as const);
    this.#deps.session.send("Fetch.continueWithAuth", { requestId, authChallengeResponse }).catch(() => {});
  }
}
