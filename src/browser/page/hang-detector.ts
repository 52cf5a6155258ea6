/**
 * Asks a page whether it still answers where nothing was heard of it, and reports when it stops answering and when it
 * answers again [S10].
 */
import { setTimeout as delay } from "node:timers/promises";
import type { PageCondition } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";
import { UNRESPONSIVE_LIMIT_MS } from "../cdp/wait-for-page.ts";

const BEAT_MS = 250;
/** A page that has said nothing by itself for so long is asked. With what follows a hang is reported within 2 s, or 7 s. */
const ASK_AFTER_MS = { attended: 650, alone: 5_500 };
/** An operator notices a script that takes this long. */
const SILENT_AFTER_MS = 1_000;
/** Who has acted is there for so long. */
const ACTED_FOR_MS = 10_000;
const SAMPLE_MS = 300;
/** A renderer that uses less than this share of the time is not stuck in a loop. */
const BUSY_PART = 0.3;
const CALL_DEADLINE_MS = 1_000;

interface HangDetectorDeps {
  readonly page: CdpSender;
  /** Whether the page waits for a person to answer its dialog [W46]. */
  readonly isDialogOpen: () => boolean;
  /** The browser of a page whose dialogs the bot answers: it shows whether the page waits or computes. Else null. */
  readonly dialogsOf: CdpSender | null;
  readonly onChange: (condition: PageCondition) => void;
  /** The page has not answered for UNRESPONSIVE_LIMIT_MS. Called once. */
  readonly onDead: () => void;
}

export class HangDetector {
  readonly #deps: HangDetectorDeps;
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #condition: PageCondition = "page_responsive";
  /** Since when the page has not answered (monotonic ms); null: no question is open. */
  #askedAt: number | null = null;
  /** When the page has last shown that it lives, and somebody has last acted, monotonic ms. */
  #heardAt = -Infinity;
  #actedAt = -Infinity;
  #isAttended = false;
  #isSampling = false;

  constructor(deps: HangDetectorDeps) {
    this.#deps = deps;
  }

  get condition(): PageCondition {
    return this.#condition;
  }

  start(): void {
    this.#isRunning = true;
    void this.#beat();
  }

  stop(): void {
    this.#isRunning = false;
    clearTimeout(this.#timer);
  }

  /** The page's own process has answered a question, or has said something by itself. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  /** Whether somebody is connected. */
  attend(isAttended: boolean): void {
    this.#isAttended = isAttended;
    this.#askSooner();
  }

  /** Somebody has pressed, typed or turned the wheel. */
  acted(): void {
    const wasThere = this.#isThere;
    this.#actedAt = performance.now();
    if (!wasThere) this.#askSooner();
  }

  get #isThere(): boolean {
    return this.#isAttended || performance.now() - this.#actedAt < ACTED_FOR_MS;
  }

  #askSooner(): void {
    if (this.#isRunning && this.#askedAt === null) this.#scheduleAsk();
  }

  #scheduleAsk(): void {
    const dueAt = this.#heardAt + (this.#isThere ? ASK_AFTER_MS.attended : ASK_AFTER_MS.alone);
    this.#schedule(dueAt - performance.now());
  }

  #schedule(inMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isRunning) this.#timer = setTimeout(() => void this.#beat(), Math.max(1, Math.ceil(inMs)));
  }

  async #beat(): Promise<void> {
    if (this.#askedAt === null) {
      const afterMs = this.#isThere ? ASK_AFTER_MS.attended : ASK_AFTER_MS.alone;
      if (performance.now() - this.#heardAt < afterMs) this.#scheduleAsk();
      else void this.#ask();
      return;
    }
    this.#schedule(BEAT_MS);
    const silentFor = performance.now() - this.#askedAt;
    if (silentFor < SILENT_AFTER_MS || this.#isSampling) return;
    this.#isSampling = true;
    const isAsked = this.#deps.isDialogOpen();
    const isWaiting = await (isAsked || isForDialog(this.#deps.dialogsOf));
    this.#isSampling = false;
    if (this.#askedAt === null || !this.#isRunning) return;
    // Time with an open dialog does not count: the page cannot go on before it is answered.
    if (isWaiting) this.#askedAt = performance.now() - SILENT_AFTER_MS;
    this.#become(isWaiting ? "dialog_open" : "page_unresponsive");
    if (isWaiting || silentFor < UNRESPONSIVE_LIMIT_MS) return;
    this.stop();
    this.#deps.onDead();
  }

  /** A page that is gone refuses the question; the tab reports that. */
  async #ask(): Promise<void> {
    this.#askedAt = performance.now();
    // A timer may come a part of a millisecond early.
    this.#schedule(SILENT_AFTER_MS + 1);
    await this.#deps.page.send("Runtime.evaluate", { expression: "1" }).catch(() => {});
    this.#askedAt = null;
    this.heard();
    if (!this.#isRunning) return;
    this.#scheduleAsk();
    this.#become("page_responsive");
  }

  #become(condition: PageCondition): void {
    if (this.#condition === condition) return;
    this.#condition = condition;
    this.#deps.onChange(condition);
  }
}

/**
 * Whether the page waits for a dialog: all renderers are idle then, while a page in a loop computes. CDP reports dialogs
 * only to a client that takes them over, so the CPU time is measured instead.
 */
async function isForDialog(browser: CdpSender | null): Promise<boolean> {
  if (!browser) return false;
  try {
    const before = await rendererSeconds(browser);
    const from = performance.now();
    await delay(SAMPLE_MS);
    const after = await rendererSeconds(browser);
    const most = ((performance.now() - from) / 1_000) * BUSY_PART;
    return [...after].every(([id, seconds]) => seconds - (before.get(id) ?? seconds) < most);
  } catch {
    return false;
  }
}

async function rendererSeconds(browser: CdpSender): Promise<Map<number, number>> {
  const asking = browser.send("SystemInfo.getProcessInfo");
  const { processInfo } = await withDeadline(asking, CALL_DEADLINE_MS, "browser");
  return new Map(processInfo.filter(({ type }) => type === "renderer").map(({ id, cpuTime }) => [id, cpuTime]));
}
