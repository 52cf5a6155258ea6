/** A page without a browser: it does what it is asked to, and remembers it. Held to test/contract/picture-source-contract.ts. */
import type { CaptchaInfo, Rect } from "../../src/protocol/common.ts";
import type {
  CaptureRequest,
  ChallengePage,
  Damage,
  MaskedPicture,
  PageAnswer,
  PageEvents,
  Picture,
  Verdict,
  ViewMode,
} from "../../src/session/ports/page.ts";

const VIEWPORT = { width: 400, height: 300 };
export const WHOLE: Rect = { x: 0, y: 0, ...VIEWPORT };
export const PART: Rect = { x: 100, y: 50, width: 200, height: 100 };
const FIRST_SEQ = 101;
export const UNKNOWN: Verdict = {
  value: "unknown",
  stable: false,
  evidence: [],
  contradictions: [],
  mayOverride: false,
};

export class FakePage implements ChallengePage {
  challenge: CaptchaInfo | null = null;
  readonly viewport = VIEWPORT;
  readonly url = null;
  readonly hidden = false;
  isWorking = false;
  readonly touch = { isOn: false, isMobile: false };
  readonly canNavigate = false;
  readonly proxyPort = null;
  readonly place = null;
  readonly condition = "page_responsive";
  /** Every request, in order. */
  readonly requests: (CaptureRequest | null)[] = [];
  capturing: boolean | null = null;
  /** What its questions were answered, in order. */
  readonly answers: PageAnswer[] = [];
  /** What the rules say at each check. */
  verdict: Verdict = UNKNOWN;
  /** The bytes of a picture of this part; left out: no JPEG. */
  jpegOf: ((view: Rect) => Buffer) | undefined;
  cuts = 0;
  /** What watchers are shown of a picture; null: nothing. */
  veil: (picture: Picture) => MaskedPicture | null = (picture) => ({ picture, isWhole: true });
  /** What has changed between two pictures. */
  changes: (before: Picture, picture: Picture) => Promise<Damage | null> = async (before, picture) =>
    before === picture ? { rects: [], jpeg: Buffer.alloc(0) } : null;
  /** Pictures taken, and for how many of them a watcher asked. */
  readonly taken = { all: 0, forWatchers: 0 };
  /** The bytes of the still that is kept for the first person; null: there is none. */
  kept: Buffer | null = null;
  readonly #events: Pick<PageEvents, "nextSeq" | "picture">;

  constructor(events: Pick<PageEvents, "nextSeq" | "picture"> = unheard()) {
    this.#events = events;
  }

  /** The page changes: a picture comes of it where one is asked for. */
  draw(): void {
    const request = this.requests.at(-1);
    if (request && this.capturing) this.#events.picture(this.#picture(this.view(request.mode), "motion"));
  }

  view(mode: ViewMode): Rect {
    return mode === "page" ? WHOLE : PART;
  }

  async picture(mode: ViewMode, _scale: number, forWatcher = false): Promise<Picture> {
    this.taken.all += 1;
    if (forWatcher) this.taken.forWatchers += 1;
    return this.#picture(this.view(mode), "still");
  }

  async keptStill(mode: ViewMode): Promise<Picture | null> {
    const still = this.kept;
    this.kept = null;
    return still && this.#picture(this.view(mode), "still", still);
  }

  async cut(of: Picture, mode: ViewMode, scale: number): Promise<Picture> {
    const view = this.view(mode);
    if (!isWithin(view, of.view)) throw new RangeError("The picture does not hold that view.");
    this.cuts += 1;
    return { ...of, view, scale: Math.min(of.scale, scale) };
  }

  damage(before: Picture, picture: Picture): Promise<Damage | null> {
    return this.changes(before, picture);
  }

  async masked(of: Picture, mode: ViewMode, scale: number): Promise<MaskedPicture | null> {
    const part = await this.cut(of, mode, scale);
    // Where secrets are is known only as long as somebody asks for it.
    return this.requests.at(-1)?.masked ? this.veil(part) : null;
  }

  setCaptureRequest(request: CaptureRequest | null): void {
    this.requests.push(request);
  }

  setCapturing(capturing: boolean): void {
    this.capturing = capturing;
  }

  setKeepView(): void {}
  input(): void {}
  answer(answer: PageAnswer): void {
    this.answers.push(answer);
  }
  askAgain(): void {}
  tellFocus(): void {}
  async codeField() {
    return null;
  }
  sound = () => null;
  async navigate(): Promise<void> {}
  readonly windows = [];
  async window() {}
  takeCropHelper = () => () => {};
  releaseAll(): void {}
  async check() {
    return this.verdict;
  }
  async storageState() {
    return null;
  }
  async checkpoint() {
    return { url: "", storage_state: null };
  }
  async close(): Promise<void> {
    this.capturing = false;
  }
  async detach() {}

  #picture(view: Rect, kind: Picture["kind"], bytes = this.jpegOf?.(view)): Picture {
    const jpeg = bytes ? { jpeg: bytes } : {};
    return pictureOf(this.#events.nextSeq(), { view, kind, ...jpeg });
  }
}

export function pictureOf(seq: number, given: Partial<Picture> = {}): Picture {
  const facts = { captured_at: 0, view: PART, scale: 1, quality: 80, kind: "still" as const };
  return { seq, jpeg: Buffer.from(`jpeg ${seq}`), ...facts, ...given };
}

function unheard(): Pick<PageEvents, "nextSeq" | "picture"> {
  let seq = FIRST_SEQ;
  return { nextSeq: () => seq++, picture() {} };
}

function isWithin(part: Rect, whole: Rect): boolean {
  const isWide = part.x >= whole.x && part.x + part.width <= whole.x + whole.width;
  return isWide && part.y >= whole.y && part.y + part.height <= whole.y + whole.height;
}
