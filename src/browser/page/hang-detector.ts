/** Whether a page still answers: asked on a beat, told when it does not, and when it does again. */
import { setTimeout as delay } from "node:timers/promises";
import type { PageCondition } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";
import { UNRESPONSIVE_LIMIT_MS } from "../cdp/wait-for-page.ts";

const BEAT_MS = 250;
const ASK_EVERY_MS = 500;
/** A script that takes this long is felt; with the beats it is told within two seconds, on a busy machine too. */
const SILENT_AFTER_MS = 1_000;
const SAMPLE_MS = 300;
/** A renderer that computes less than this part of the time is not stuck in a loop. */
const BUSY_PART = 0.3;
const CALL_DEADLINE_MS = 1_000;

interface HangDetectorDeps {
  readonly page: CdpSender;
  /** Of a page whose dialogs are not ours to answer: the browser, which tells waiting from computing. */
  readonly dialogsOf: CdpSender | null;
  readonly onChange: (condition: PageCondition) => void;
  /** It has not answered for so long that it is not coming back. Told once. */
  readonly onDead: () => void;
}

export class HangDetector {
  readonly #deps: HangDetectorDeps;
  #timer: NodeJS.Timeout | undefined;
  #condition: PageCondition = "page_responsive";
  /** Since when a question is open, on a clock that only grows; null: none is. */
  #askedAt: number | null = null;
  #lastAskedAt = -Infinity;
  #isSampling = false;

  constructor(deps: HangDetectorDeps) {
    this.#deps = deps;
  }

  get condition(): PageCondition {
    return this.#condition;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS);
    void this.#beat();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #beat(): Promise<void> {
    if (this.#askedAt === null) {
      if (performance.now() - this.#lastAskedAt >= ASK_EVERY_MS) await this.#ask();
      return;
    }
    const silentFor = performance.now() - this.#askedAt;
    if (silentFor < SILENT_AFTER_MS || this.#isSampling) return;
    this.#isSampling = true;
    const isWaiting = await isForDialog(this.#deps.dialogsOf).finally(() => {
      this.#isSampling = false;
    });
    if (this.#askedAt === null || !this.#timer) return;
    // The time for which nobody answers a dialog is nobody's fault.
    if (isWaiting) this.#askedAt = performance.now() - SILENT_AFTER_MS;
    this.#become(isWaiting ? "dialog_open" : "page_unresponsive");
    if (isWaiting || silentFor < UNRESPONSIVE_LIMIT_MS) return;
    this.stop();
    this.#deps.onDead();
  }

  /** A page that has gone refuses, and is told of elsewhere. */
  async #ask(): Promise<void> {
    this.#lastAskedAt = performance.now();
    this.#askedAt = this.#lastAskedAt;
    await this.#deps.page.send("Runtime.evaluate", { expression: "1" }).catch(() => {});
    this.#askedAt = null;
    if (this.#timer) this.#become("page_responsive");
  }

  #become(condition: PageCondition): void {
    if (this.#condition === condition) return;
    this.#condition = condition;
    this.#deps.onChange(condition);
  }
}

/**
 * A page behind an open dialog stands still, one in a loop computes. To be asked of dialogs directly a client has to
 * take them over, so that is what is looked at instead.
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
