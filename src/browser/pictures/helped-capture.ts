/** [R32] Captures a page that its own bot can crop: what the bot shows, as long as it does; else the whole page. */
import { AppError, type Code } from "../../errors.ts";
import { type Rect, type Size, sameRect } from "../../protocol/common.ts";
import type { Clip } from "../../protocol/relay-terms.ts";
import type { CropHelper } from "../../session/ports/crops.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { CALL_DEADLINE_MS, type PageSession } from "../cdp/connection.ts";
import {
  type CaptureRegion,
  type CastOptions,
  type PictureCapture,
  SIZE_TOLERANCE_PX,
  untilDrawn,
  ViewportOverrideCapture,
} from "./capture-region.ts";
import { jpegSize } from "./jpeg-size.ts";
import { isWhole, wholePage } from "./view-geometry.ts";

/** Right after a change pictures may still show what was there before. Later ones show that the browser lost the crop. */
const REPAIR_AFTER_MS = 300;
/** Each waits twice as long as the one before, as the machine may be slow. */
const MOST_REPAIRS = 3;
/** A bot that comes back and does not show what it says either is not asked again. */
const MOST_FAILURES = 2;
const MOST_STILLS = 4;
/** A part that differs less from the proportions of the whole page could be taken for it, once the bot has gone. */
const UNLIKE_WHOLE_PX = 16;

/** Who shows a part of the page, in place of the browser; `clip` as `viewport` of Emulation.setDeviceMetricsOverride. */
export interface PartOfPage {
  /** Null: the whole page. */
  show(clip: Clip | null): Promise<unknown>;
  /** A JPEG of that part, as Page.captureScreenshot answers it. */
  capture(clip: Clip | undefined, quality: number | undefined): Promise<unknown>;
}

export interface HelpedCaptureOptions {
  readonly targetId: string;
  readonly session: PageSession;
  /** The session in which `part` shows a part of the page. */
  readonly cropping: (part: PartOfPage) => PageSession;
  /** How the page is captured without its bot's help. */
  readonly whole: PictureCapture;
  readonly viewport: Size;
  /** How long pictures may have another size, ms; left out: 300. */
  readonly repairAfterMs?: number;
}

/** A bot that crops its page. */
interface Help {
  readonly helper: CropHelper;
  readonly onChange: () => void;
  part: ViewportOverrideCapture;
  /** What the bot was asked to show last. */
  clip: Clip | null;
  /** Pictures of another size than was asked for have come: it waits whether they go on. */
  doubt: { timer: NodeJS.Timeout; repairs: number } | null;
}

export class HelpedCapture implements PictureCapture {
  readonly #options: HelpedCaptureOptions;
  #viewport: Size;
  #help: Help | null = null;
  #wasHelped = false;
  #failures = 0;

  constructor(options: HelpedCaptureOptions) {
    this.#options = options;
    this.#viewport = options.viewport;
  }

  /** Whether the bot shows a part of its page now. */
  get isHelped(): boolean {
    return this.#help !== null;
  }

  get losesFingers(): boolean {
    return this.#capture.losesFingers;
  }

  /**
   * Lets this bot crop the page, in place of the one before. `onChange` is called when the region is to be applied anew, as
   * pictures reach another one from here on, or do not show it. Returns a function that ends it. Throws AppError `invalid_message` for another page's.
   */
  begin(helper: CropHelper, onChange: () => void): () => void {
    if (helper.targetId !== this.#options.targetId) {
      throw new AppError("invalid_message", { field: "target_id", why: "not the page of this session" });
    }
    this.finish(null);
    this.#wasHelped = true;
    this.#help = { helper, onChange, part: this.#partOf(helper), clip: null, doubt: null };
    helper.onRenewed(() => this.#help?.helper === helper && onChange());
    onChange();
    return () => this.#left(helper);
  }

  /** The page needs no crop any more. */
  finish(code: Code | null): void {
    const help = this.#help;
    this.#help = null;
    clearTimeout(help?.doubt?.timer);
    help?.helper.close(code);
  }

  reach(wanted: CaptureRegion): CaptureRegion {
    const reached = this.#capture.reach(wanted);
    return this.#help ? this.#unlikeWhole(reached) : reached;
  }

  async apply(region: CaptureRegion): Promise<void> {
    const help = this.#help;
    if (!help) return this.#options.whole.apply(region);
    // Where the bot does not do it, the caller is told to look again at what pictures reach.
    await help.part.apply(region).catch(() => this.#giveUp(help.helper, "lagging"));
  }

  forget(): void {
    this.#capture.forget();
  }

  isPaced(view: Rect): boolean {
    return this.#capture.isPaced(view);
  }

  castOptions(region: CaptureRegion, oneInFlight: boolean): CastOptions {
    return this.#capture.castOptions(region, oneInFlight);
  }

  scaleOf(picture: Size, region: CaptureRegion): number | null {
    const help = this.#help;
    const { whole } = this.#options;
    if (!help) return whole.scaleOf(picture, region);
    // A phone's page that is laid out wider than its screen is shown smaller.
    const isAll = isWhole(region.view, this.#viewport);
    const scale = help.part.scaleOf(picture, region) ?? (isAll ? whole.scaleOf(picture, region) : null);
    if (scale === null) help.doubt ??= { timer: this.#repairLater(help, 0), repairs: 0 };
    else {
      clearTimeout(help.doubt?.timer);
      help.doubt = null;
    }
    return scale;
  }

  resize(viewport: Size): void {
    this.#viewport = viewport;
    this.#options.whole.resize(viewport);
    const help = this.#help;
    if (help) help.part = this.#partOf(help.helper);
  }

  async capture(region: CaptureRegion, quality: number): Promise<Buffer> {
    const { whole } = this.#options;
    if (this.#help || !this.#wasHelped) return this.#capture.capture(region, quality);
    // A bot that is stuck may still show a part.
    return this.#fitting(
      () => whole.capture(region, quality),
      (jpeg) => {
        const size = jpegSize(jpeg);
        return size !== null && whole.scaleOf(size, region) !== null;
      },
    );
  }

  get #capture(): PictureCapture {
    return this.#help?.part ?? this.#options.whole;
  }

  #partOf(helper: CropHelper): ViewportOverrideCapture {
    const session = this.#options.cropping({
      show: (clip) => this.#show(helper, clip),
      capture: (clip, quality) => this.#still(helper, clip, quality),
    });
    const { density, touch: hasTouch } = helper;
    return new ViewportOverrideCapture(session, this.#viewport, { density, hasTouch, isMobile: false });
  }

  async #show(helper: CropHelper, clip: Clip | null): Promise<void> {
    const help = this.#help;
    if (help?.helper !== helper) throw gone();
    const isSame = sameClip(help.clip, clip);
    help.clip = clip;
    await helper.set(clip, isSame).catch((cause: unknown) => {
      this.#giveUp(helper, "lagging");
      throw gone(cause);
    });
  }

  /**
   * A screenshot of a session without an override shows what the page's override does; one with a `clip` would undo that.
   * So the part is shown for as long as the screenshot takes.
   */
  async #still(helper: CropHelper, clip: Clip | undefined, quality: number | undefined): Promise<unknown> {
    const { session } = this.#options;
    const shown = this.#help?.helper === helper ? this.#help.clip : null;
    const isOther = clip !== undefined && !sameClip(shown, clip);
    if (isOther) {
      await this.#show(helper, clip);
      await untilDrawn(session);
    }
    try {
      const params = { format: "jpeg" as const, ...(quality === undefined ? {} : { quality }) };
      const take = () => withDeadline(session.send("Page.captureScreenshot", params), CALL_DEADLINE_MS, "screenshot");
      const fits = ({ data }: { readonly data: string }) =>
        !clip || isOf(clip, helper.density, jpegSize(Buffer.from(data, "base64")));
      return await this.#fitting(take, fits);
    } finally {
      if (isOther) await this.#show(helper, shown).catch(() => {});
    }
  }

  /** A screenshot of the right size: one that is taken during a change shows what was there before. */
  async #fitting<Shot>(take: () => Promise<Shot>, fits: (shot: Shot) => boolean): Promise<Shot> {
    for (let tries = 1; tries <= MOST_STILLS; tries += 1) {
      const shot = await take();
      if (fits(shot)) return shot;
      await untilDrawn(this.#options.session);
    }
    throw gone();
  }

  /** The browser may have lost the crop, as after a screenshot of the whole document by the bot. */
  #repair(help: Help): void {
    const { doubt } = help;
    if (this.#help !== help || !doubt) return;
    if (doubt.repairs < MOST_REPAIRS) {
      doubt.repairs += 1;
      doubt.timer = this.#repairLater(help, doubt.repairs);
      help.onChange();
      return;
    }
    this.#failures += 1;
    this.#giveUp(help.helper, this.#failures < MOST_FAILURES ? "lagging" : null);
  }

  #repairLater(help: Help, repairs: number): NodeJS.Timeout {
    const { repairAfterMs = REPAIR_AFTER_MS } = this.#options;
    return setTimeout(() => this.#repair(help), repairAfterMs * 2 ** repairs).unref();
  }

  /** From here on the whole page is captured. */
  #giveUp(helper: CropHelper, code: Code | null): void {
    if (this.#left(helper)) helper.close(code);
  }

  /** Returns whether it was the one. */
  #left(helper: CropHelper): boolean {
    const help = this.#help;
    if (help?.helper !== helper) return false;
    this.#help = null;
    clearTimeout(help.doubt?.timer);
    help.onChange();
    return true;
  }

  /** The region, or a larger one that has not the proportions of the page. */
  #unlikeWhole(region: CaptureRegion): CaptureRegion {
    const { view } = region;
    const { width, height } = this.#viewport;
    const alike = (view.width * height) / width;
    if (isWhole(view, this.#viewport) || Math.abs(view.height - alike) >= UNLIKE_WHOLE_PX) return region;
    const taller = view.height + 2 * UNLIKE_WHOLE_PX;
    if (taller > height) return { ...region, view: wholePage(this.#viewport) };
    return { ...region, view: { ...view, y: Math.max(0, Math.min(view.y, height - taller)), height: taller } };
  }
}

function sameClip(a: Clip | null, b: Clip | null): boolean {
  return a === b || (a !== null && b !== null && sameRect(a, b) && a.scale === b.scale);
}

/** Whether a picture of this size shows that part. */
function isOf({ width, height, scale }: Clip, density: number, picture: Size | null): boolean {
  const sides = picture && [picture.width - width * scale * density, picture.height - height * scale * density];
  return sides?.every((px) => Math.abs(px) <= SIZE_TOLERANCE_PX) ?? false;
}

function gone(cause?: unknown): AppError {
  return new AppError("timeout", { waiting_for: "the bot to show a part of its page" }, { cause });
}
