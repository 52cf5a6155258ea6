/** One page with a challenge: puts pictures, input, watch and verdict together behind the session's port. */

import type { Logger } from "pino";
import type { Browser, BrowserContext, CDPSession, Dialog, Page } from "playwright";
import type { ChallengeKind } from "../config.ts";
import { waitUntil, withDeadline } from "../deadline.ts";
import type { CaptchaInfo, Rect, Size } from "../protocol/common.ts";
import type { Completion, StorageState } from "../protocol/rest.ts";
import type { ChallengePage, Notice, PageEvents, PageInput, Picture, Verdict } from "../session/page.ts";
import { ChallengeWatch } from "./challenge-watch.ts";
import { hasMoved, isShown, viewOf, wholePage } from "./crop.ts";
import { PageFrames } from "./frames.ts";
import { InputReplay } from "./input.ts";
import type { PageLook } from "./page-look.ts";
import { scrollToMatch } from "./page-scripts.ts";
import { Screencast, type Shot } from "./screencast.ts";

/** A challenge that is gone for longer than this is not coming back: show the whole page again. */
const LOST_CHALLENGE_MS = 1_500;
/** After a press or a wheel the page may have moved the challenge. */
const LOOK_AFTER_INPUT_MS = 50;
/** A press where frames have just changed waits this long for their places. */
const LOOK_BEFORE_PRESS_MS = 300;
const DIALOG_DEADLINE_MS = 2_000;
const CLOSE_DEADLINE_MS = 2_000;
const DISCONNECT_PATIENCE_MS = 200;
const DISCONNECT_POLL_MS = 10;
/** Popups a page may have at a time; more are closed. */
const MAX_POPUPS = 3;
const MAX_NOTICES = 5;
const NOTICE_WINDOW_MS = 2_000;
const CHALLENGE_POLL_MS = 60;

export interface ChallengePageParts {
  readonly browser: Browser;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly session: CDPSession;
  readonly viewport: Size;
  readonly kinds: readonly ChallengeKind[];
  readonly completion: Completion | undefined;
  readonly events: PageEvents;
  readonly log: Logger;
  /** Ends the browser. */
  readonly stop: () => Promise<void>;
}

export class RemotePage implements ChallengePage {
  readonly viewport: Size;
  readonly page: Page;
  readonly frames: PageFrames;
  readonly #parts: ChallengePageParts;
  readonly #screencast: Screencast;
  readonly #input: InputReplay;
  readonly #watch: ChallengeWatch;
  #challenge: CaptchaInfo | null = null;
  #view: Rect;
  #seq = 0;
  #pictures = new WeakMap<Shot, Picture>();
  #keepView = false;
  #missingSince: number | null = null;
  #lastLook: PageLook | null = null;
  #noticedAt: number[] = [];
  #ended = false;

  constructor(parts: ChallengePageParts) {
    const { page, session, viewport } = parts;
    this.#parts = parts;
    this.page = page;
    this.viewport = viewport;
    this.#view = wholePage(viewport);
    this.frames = new PageFrames(page, session);
    this.#screencast = new Screencast(session, viewport, (shot) =>
      this.#tell((events) => events.picture(this.#number(shot))),
    );
    this.#input = new InputReplay(session, this.frames, {
      onPressed: (pressed) => this.#onPressed(pressed),
      beforePress: () => (this.#lastLook?.framesVersion === this.frames.version ? null : this.#lookAgain()),
    });
    this.#watch = new ChallengeWatch({
      ...parts,
      frames: this.frames,
      onLook: (look) => this.#onLook(look),
      onSolved: (verdict) => this.#tell((events) => events.solved(verdict)),
    });
    this.#listen();
  }

  get challenge(): CaptchaInfo | null {
    return this.#challenge;
  }

  get view(): Rect {
    return this.#view;
  }

  /** Gives the page its size; before the first navigation. */
  prepare(): Promise<void> {
    return this.#screencast.prepare();
  }

  /** Looks for the challenge until it is found or `ms` have passed; from then on the page is watched. */
  async begin(ms: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + ms;
    for (;;) {
      await this.#watch.look();
      await this.#showFound();
      if (this.#challenge || signal.aborted || performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, CHALLENGE_POLL_MS));
    }
    await this.#watch.begin();
  }

  async picture(): Promise<Picture> {
    return this.#number(await this.#screencast.still());
  }

  setWatched(watched: boolean): void {
    this.#screencast.setWanted(watched && !this.#ended);
  }

  setKeepView(keep: boolean): void {
    this.#keepView = keep;
  }

  input(input: PageInput): void {
    this.#input.add(input);
    if (input.type === "mouse_event" && input.event_type === "move") {
      if (this.#input.pressed) this.#watch.prompt();
    } else {
      this.#watch.prompt(LOOK_AFTER_INPUT_MS);
    }
  }

  releaseAll(): void {
    this.#input.releaseAll();
  }

  check(): Promise<Verdict> {
    return this.#watch.check();
  }

  async storageState(): Promise<StorageState | null> {
    return this.#parts.context.storageState();
  }

  async close(): Promise<void> {
    this.#end();
    await withDeadline(this.#parts.browser.close(), CLOSE_DEADLINE_MS, "browser connection").catch(() => {});
    await this.#parts.stop();
  }

  /** The browser was told to deny downloads; the operator is told that one was wanted. */
  refuseDownload(url: string): void {
    this.#notice({ type: "page_notice", notice: "download_refused", url });
  }

  #listen(): void {
    const { page, context, browser } = this.#parts;
    page.on("dialog", (dialog) => void this.#onDialog(dialog));
    page.once("close", () => void this.#onClose());
    page.once("crash", () => this.#lost("page_crashed"));
    browser.once("disconnected", () => this.#lost("browser_lost"));
    context.on("page", (popup) => void this.#onPopup(popup));
    page.on("frameattached", () => this.#watch.prompt());
    page.on("framedetached", () => this.#watch.prompt());
  }

  /** A browser that dies closes its pages first, and is known to be gone only a moment later. */
  async #onClose(): Promise<void> {
    const isGone = () => !this.#parts.browser.isConnected();
    this.#lost((await waitUntil(isGone, DISCONNECT_PATIENCE_MS, DISCONNECT_POLL_MS)) ? "browser_lost" : "page_closed");
  }

  /** A page that asks must not hang: what only tells is accepted, what asks is dismissed, and the operator is told. */
  async #onDialog(dialog: Dialog): Promise<void> {
    const kind = dialog.type() as "alert" | "confirm" | "prompt" | "beforeunload";
    const accept = kind === "alert" || kind === "beforeunload";
    const answer = withDeadline(accept ? dialog.accept() : dialog.dismiss(), DIALOG_DEADLINE_MS, "dialog");
    await answer.catch((error: unknown) => this.#parts.log.warn({ err: error, kind }, "dialog could not be answered"));
    const message = dialog.message().slice(0, 1_000);
    this.#notice({ type: "dialog", kind, message, answer: accept ? "accepted" : "dismissed" });
  }

  async #onPopup(popup: Page): Promise<void> {
    popup.on("dialog", (dialog) => void this.#onDialog(dialog));
    if (this.#ended) return;
    if (this.#parts.context.pages().length - 1 > MAX_POPUPS) {
      await withDeadline(popup.close(), CLOSE_DEADLINE_MS, "popup").catch(() => {});
      return;
    }
    await popup.waitForLoadState("domcontentloaded", { timeout: DIALOG_DEADLINE_MS }).catch(() => {});
    this.#notice({ type: "page_notice", notice: "popup", url: popup.url() });
  }

  /** A page may call alert() in a loop; nobody reads more than a few a second. */
  #notice(notice: Notice): void {
    const now = performance.now();
    this.#noticedAt = this.#noticedAt.filter((at) => now - at < NOTICE_WINDOW_MS);
    if (this.#noticedAt.length >= MAX_NOTICES) return;
    this.#noticedAt.push(now);
    this.#tell((events) => events.notice(notice));
  }

  #onPressed(pressed: boolean): void {
    this.#screencast.setPressed(pressed);
    if (!pressed) void this.#watch.look();
  }

  /** A challenge below the fold is brought into view once, while the page opens: older clients could not scroll to it. */
  async #showFound(): Promise<void> {
    const { challenge, challengeFrame } = this.#lastLook ?? {};
    if (!challenge || !challengeFrame || isShown(challenge, this.viewport)) return;
    await this.frames.run(challengeFrame, scrollToMatch, challenge.selector).catch(() => {});
    await this.#watch.look();
  }

  async #lookAgain(): Promise<void> {
    await withDeadline(this.#watch.look(), LOOK_BEFORE_PRESS_MS, "look").catch(() => {});
  }

  #onLook(look: PageLook): void {
    if (this.#ended) return;
    this.#lastLook = look;
    this.#input.setRemoteFrames(
      look.frames.flatMap(({ frame, place }) => (place && this.frames.isRemote(frame) ? [{ frame, place }] : [])),
    );
    // The view neither moves nor resizes under the operator's hand.
    const { challenge } = look;
    if (!this.#input.pressed) this.#follow(challenge && isShown(challenge, this.viewport) ? challenge : null);
    this.#screencast.setView(this.#view, look.scroll);
  }

  #follow(found: CaptchaInfo | null): void {
    if (found) this.#missingSince = null;
    else if (this.#challenge) {
      this.#missingSince ??= performance.now();
      if (this.#keepView || performance.now() - this.#missingSince < LOST_CHALLENGE_MS) return;
    }
    if (!hasMoved(this.#challenge, found)) return;
    this.#challenge = found;
    const view = found ? viewOf(found, this.viewport) : wholePage(this.viewport);
    this.#view = view;
    this.#tell((events) => events.challenge(found, view));
  }

  #number(shot: Shot): Picture {
    const known = this.#pictures.get(shot);
    if (known) return known;
    this.#seq += 1;
    const picture = { seq: this.#seq, ...shot };
    this.#pictures.set(shot, picture);
    return picture;
  }

  #lost(code: Parameters<PageEvents["lost"]>[0]): void {
    this.#tell((events) => events.lost(code));
  }

  #tell(tell: (events: PageEvents) => void): void {
    if (!this.#ended) tell(this.#parts.events);
  }

  #end(): void {
    this.#ended = true;
    this.#watch.stop();
    this.#screencast.close();
  }
}
