/** One page with a challenge: puts pictures, input, watch and verdict together behind the session's port. */

import type { Logger } from "pino";
import type { Browser, BrowserContext, CDPSession, Page } from "playwright";
import type { ChallengeKind } from "../config.ts";
import { waitUntil, withDeadline } from "../deadline.ts";
import type { CaptchaInfo, Rect, Size } from "../protocol/common.ts";
import type { Completion, StorageState } from "../protocol/rest.ts";
import type { ChallengePage, PageEvents, PageInput, Picture, Verdict, ViewMode, Wish } from "../session/page.ts";
import { ChallengeWatch } from "./challenge-watch.ts";
import { OverrideCrop } from "./crop.ts";
import { cutPicture } from "./cut.ts";
import type { LiveSession } from "./devtools.ts";
import { PageFrames } from "./frames.ts";
import { InputReplay } from "./input.ts";
import type { PageLook } from "./page-look.ts";
import { PageNotices } from "./page-notices.ts";
import { scrollToMatch } from "./page-scripts.ts";
import { STILL_QUALITY } from "./quality.ts";
import { Screencast } from "./screencast.ts";
import { hasMoved, isShown, viewOf, wholePage } from "./view.ts";

/** A challenge that is gone for longer than this is not coming back: show the whole page again. */
const LOST_CHALLENGE_MS = 1_500;
/** After a press or a wheel the page may have moved the challenge. */
const LOOK_AFTER_INPUT_MS = 50;
/** A press where frames have just changed waits this long for their places. */
const LOOK_BEFORE_PRESS_MS = 300;
const CLOSE_DEADLINE_MS = 2_000;
const DISCONNECT_PATIENCE_MS = 200;
const DISCONNECT_POLL_MS = 10;
const CHALLENGE_POLL_MS = 60;
const UNWATCHED: Wish = { mode: "challenge", scale: 1, motion: { quality: STILL_QUALITY, scale: 1 } };

export interface ChallengePageParts {
  readonly browser: Browser;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly session: CDPSession;
  /** For pictures and hands. */
  readonly live: LiveSession;
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
  readonly #notices: PageNotices;
  #challenge: CaptchaInfo | null = null;
  /** The challenge view, or the whole page where there is no challenge. */
  #view: Rect;
  #wish: Wish | null = null;
  #demand = false;
  /** Parts of the newest picture, each cut once for all who see it. */
  #cuts: { readonly of: Picture; readonly parts: Map<string, Promise<Picture>> } | null = null;
  #keepView = false;
  #missingSince: number | null = null;
  #lastLook: PageLook | null = null;
  #ended = false;

  constructor(parts: ChallengePageParts) {
    const { page, session, live, viewport } = parts;
    this.#parts = parts;
    this.page = page;
    this.viewport = viewport;
    this.#view = wholePage(viewport);
    this.frames = new PageFrames(page, session, live);
    this.#screencast = new Screencast(live, viewport, new OverrideCrop(live, viewport), (picture) =>
      this.#tell((events) => events.picture(picture)),
    );
    this.#input = new InputReplay(live, this.frames, {
      onPressed: (pressed) => this.#onPressed(pressed),
      beforePress: () => (this.#lastLook?.framesVersion === this.frames.version ? null : this.#lookAgain()),
    });
    this.#watch = new ChallengeWatch({
      ...parts,
      frames: this.frames,
      onLook: (look) => this.#onLook(look),
      onSolved: (verdict) => this.#tell((events) => events.solved(verdict)),
    });
    this.#notices = new PageNotices(parts.context, page, parts.log, (notice) =>
      this.#tell((events) => events.notice(notice)),
    );
    this.#listen();
  }

  get challenge(): CaptchaInfo | null {
    return this.#challenge;
  }

  view(mode: ViewMode): Rect {
    return mode === "page" ? wholePage(this.viewport) : this.#view;
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

  async picture(mode: ViewMode, scale: number): Promise<Picture> {
    return this.cut(await this.#screencast.still(this.view(mode)), mode, scale);
  }

  cut(picture: Picture, mode: ViewMode, scale: number): Promise<Picture> {
    if (this.#cuts?.of !== picture) this.#cuts = { of: picture, parts: new Map() };
    const view = this.view(mode);
    const key = JSON.stringify([view, scale]);
    const part = this.#cuts.parts.get(key) ?? cutPicture(picture, view, scale);
    this.#cuts.parts.set(key, part);
    return part;
  }

  setWish(wish: Wish | null): void {
    this.#wish = wish;
    if (!wish) this.#screencast.forget();
    this.#aim();
  }

  setDemand(demand: boolean): void {
    this.#demand = demand;
    this.#aim();
  }

  setKeepView(keep: boolean): void {
    this.#keepView = keep;
  }

  input(input: PageInput): void {
    this.#input.add(input);
    this.#screencast.inputGiven(this.#input.pressed);
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
    this.#notices.tell({ type: "page_notice", notice: "download_refused", url });
  }

  /** Without a way for pictures and hands there is no session. */
  connectionLost(): void {
    this.#lost("browser_lost");
  }

  #listen(): void {
    const { page, browser } = this.#parts;
    page.once("close", () => void this.#onClose());
    page.once("crash", () => this.#lost("page_crashed"));
    browser.once("disconnected", () => this.#lost("browser_lost"));
    page.on("frameattached", () => this.#watch.prompt());
    page.on("framedetached", () => this.#watch.prompt());
  }

  /** A browser that dies closes its pages first, and is known to be gone only a moment later. */
  async #onClose(): Promise<void> {
    const isGone = () => !this.#parts.browser.isConnected();
    this.#lost((await waitUntil(isGone, DISCONNECT_PATIENCE_MS, DISCONNECT_POLL_MS)) ? "browser_lost" : "page_closed");
  }

  #onPressed(pressed: boolean): void {
    if (pressed) this.#screencast.pressed();
    else void this.#watch.look();
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
    this.#aim(look.scroll);
  }

  /** Brings the screencast in line with what is wished for and where it is. */
  #aim(scroll?: PageLook["scroll"]): void {
    const { mode, scale, motion } = this.#wish ?? UNWATCHED;
    this.#screencast.setTarget({ view: this.view(mode), scale, motion }, scroll);
    this.#screencast.setWanted(this.#wish !== null && this.#demand && !this.#ended);
  }

  #follow(found: CaptchaInfo | null): void {
    if (found) this.#missingSince = null;
    else if (this.#challenge) {
      this.#missingSince ??= performance.now();
      if (this.#keepView || performance.now() - this.#missingSince < LOST_CHALLENGE_MS) return;
    }
    if (!hasMoved(this.#challenge, found)) return;
    this.#challenge = found;
    this.#view = found ? viewOf(found, this.viewport) : wholePage(this.viewport);
    this.#tell((events) => events.challenge());
  }

  #lost(code: Parameters<PageEvents["lost"]>[0]): void {
    this.#tell((events) => events.lost(code));
  }

  #tell(tell: (events: PageEvents) => void): void {
    if (!this.#ended) tell(this.#parts.events);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#notices.stop();
    this.#watch.stop();
    this.#screencast.close();
    const { pictures, restarts } = this.#screencast;
    this.#parts.log.info({ pictures, restarts }, "no more pictures");
  }
}
