/** Runs one page of the corpus as a session of the real server, acts as the page says, and judges the verdicts. */
import { BINARY_SUBPROTOCOL } from "../../src/protocol/live.ts";
import type { SessionAnswer, SessionDetail, SessionResult, SessionStatus } from "../../src/protocol/rest.ts";
import type { CorpusPage, Found, Step } from "../pages/page.ts";
import type { Mark, PageSite, Run } from "../pages/site.ts";
import { LiveClient } from "./live-client.ts";

/** [R21] How long the page's success may be ago when the verdict comes. */
export const VERDICT_MS = 3_000;
/** How long what is late is waited for: a verdict, so that it is known that it comes, and a box that shows later. */
export interface Patience {
  readonly verdictMs: number;
  readonly boxMs: number;
}
const USUAL: Patience = { verdictMs: 8_000, boxMs: 5_000 };
/** Long enough for any wrong verdict: the stability window, four times. */
const WATCH_SECONDS = 2;
/** For what the page or the server does at once; no slow machine takes so long. */
const PATIENCE_MS = 30_000;
/** A report of the page may arrive so much later than the verdict that it led to. */
const REPORT_MS = 3_000;
const FIND_POLL_MS = 100;
/** The most that the box may be off on each side, CSS px. */
const BOX_TOLERANCE = 2;
const STATUS_WAIT_SECONDS = 50;
const SESSION_SECONDS = 300;
const LIVING = ["starting", "waiting", "active"];

export type FaultKind =
  /** No challenge was found, or one of another kind. */
  | "not found"
  /** A challenge was found where there is none. */
  | "found a badge"
  | "wrong box"
  | "false solved"
  /** The page succeeded, and no verdict came. */
  | "missed"
  | "late"
  | "not asked"
  | "wrong evidence"
  /** The page did not do what it says: a press has not reached it, say. */
  | "stuck";

export interface Fault {
  readonly kind: FaultKind;
  readonly step: string;
  readonly why: string;
}

export interface CaseResult {
  readonly page: CorpusPage;
  readonly faults: readonly Fault[];
  /** Challenges that were looked for: found as the right kind, and where the page has them. */
  readonly looked: number;
  readonly found: number;
  readonly boxed: number;
  /** Acts after which a person is to be asked, and how often nothing was concluded and somebody was. */
  readonly asks: number;
  readonly asked: number;
  /** Verdicts that were waited for, and those that came in time. */
  readonly successes: number;
  readonly verdicts: number;
  /** From the page's success to the verdict, ms. */
  readonly tookMs: readonly number[];
}

/** A page of the bot's own browser. */
export interface GuestPage {
  readonly cdp: { readonly endpoint: string; readonly target_id: string };
  act(what: "reload" | "back" | "forward" | "address", elsewhere: string): Promise<void>;
  close(): Promise<void>;
}

/** Where cases run. */
export interface VerdictWorld {
  /** The server's URL plus /api/captcha. */
  readonly api: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly site: PageSite;
  /** Opens the address in a browser of the bot's own. */
  openGuest(url: string): Promise<GuestPage>;
}

/** Whether the operator was asked: is a page that went on done, or is it really done? */
function hasQuestion(received: LiveClient["received"]): boolean {
  const movedOn = received.findLast((message) => message.type === "moved_on")?.at ?? null;
  const answer = received.findLast((message) => message.type === "completion_status");
  return movedOn !== null || answer?.reason === "confirm_needed";
}

export async function runCase(world: VerdictWorld, page: CorpusPage, patience = USUAL): Promise<CaseResult> {
  const verdictCase = new VerdictCase(world, page, patience);
  try {
    await verdictCase.run();
  } catch (error) {
    verdictCase.blame("stuck", String(error));
  } finally {
    await verdictCase.close();
  }
  return verdictCase.result;
}

class VerdictCase {
  readonly #world: VerdictWorld;
  readonly #page: CorpusPage;
  readonly #patience: Patience;
  readonly #run: Run;
  readonly #faults: Fault[] = [];
  readonly #tookMs: number[] = [];
  #counts = { looked: 0, found: 0, boxed: 0, asks: 0, asked: 0, successes: 0, verdicts: 0 };
  #step = "open";
  #id = "";
  #guest: GuestPage | null = null;
  #operator: LiveClient | null = null;
  #wsUrl = "";
  /** Resolves with the end of the session. */
  #ended: Promise<{ status: SessionStatus; at: number }> = new Promise(() => {});
  #end: { status: SessionStatus; at: number } | null = null;
  #closing = false;

  constructor(world: VerdictWorld, page: CorpusPage, patience: Patience) {
    this.#world = world;
    this.#page = page;
    this.#patience = patience;
    this.#run = world.site.open(page);
  }

  get result(): CaseResult {
    return { page: this.#page, faults: this.#faults, tookMs: this.#tookMs, ...this.#counts };
  }

  blame(kind: FaultKind, why: string): void {
    this.#faults.push({ kind, step: this.#step, why });
  }

  async run(): Promise<void> {
    await this.#open();
    await this.#look(this.#page.found);
    for (const [index, step] of this.#page.steps.entries()) {
      this.#step = nameOf(step, index);
      if (this.#end && step.right !== null) return this.#blameEnd(this.#end);
      const before = this.#run.told.length;
      if (!(await this.#do(step, before))) return;
      if (!(await this.#judge(step, step.act === "nobody" ? 0 : before))) return;
      if (step.found !== undefined) await this.#look(step.found);
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#operator?.terminate();
    if (this.#id !== "") await this.#call("DELETE", `/session/${this.#id}`).catch(() => {});
    await this.#guest?.close().catch(() => {});
  }

  async #open(): Promise<void> {
    const { guest, rules } = this.#page;
    if (guest) this.#guest = await this.#world.openGuest(this.#run.url);
    const body = {
      ...(this.#guest ? { cdp: this.#guest.cdp } : { url: this.#run.url }),
      timeout_seconds: SESSION_SECONDS,
      ...(rules && { completion: rules }),
    };
    const answer = await this.#call<SessionAnswer>("POST", "/sessions", body);
    this.#id = answer.session_id;
    this.#wsUrl = answer.ws_url;
    this.#ended = this.#untilEnd();
    if (!(await this.#run.report("loaded", 0, PATIENCE_MS))) throw new Error("The page has not loaded.");
  }

  /** Compares what the server has found with what the page says of itself. */
  async #look(found: Found | null | "any"): Promise<void> {
    if (found === null || found === "any") return;
    this.#counts.looked += 1;
    const until = performance.now() + this.#patience.boxMs;
    for (;;) {
      const detail = await this.#call<SessionDetail>("GET", `/session/${this.#id}`);
      const { captcha_info: info } = detail;
      const truth = this.#run.box;
      const isKind = info?.kind === found.kind;
      const isBox = info !== null && truth !== undefined && isSameBox(info, truth);
      if ((isKind && isBox) || performance.now() > until || this.#end) {
        if (isKind) this.#counts.found += 1;
        else this.blame("not found", `${found.kind} is there, and ${info?.kind ?? "nothing"} was found`);
        if (isKind && isBox) this.#counts.boxed += 1;
        else if (isKind) this.blame("wrong box", `${describe(info)} is not ${describe(truth)}`);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, FIND_POLL_MS));
    }
  }

  /** Returns whether the act has reached the page. */
  async #do(step: Step, before: number): Promise<boolean> {
    if (step.act === "press") return this.#press(step.mark, before);
    if (step.act === "finish") {
      const operator = await this.#connect();
      operator.send({ type: "finish", outcome: "done", ...(step.confirm && { confirm: true }) });
    }
    if (step.act === "bot") {
      if (!this.#guest) throw new Error("Only the page of a guest has a bot's hand.");
      await this.#guest.act(step.what, this.#run.url.replace(/\/[^/]*$/, "/elsewhere"));
    }
    return true;
  }

  async #press(name: string, before: number): Promise<boolean> {
    const mark = await this.#run.mark(name, PATIENCE_MS);
    if (!mark) return this.#stuck(`Nothing to press is marked "${name}".`);
    const operator = await this.#connect();
    const event = { type: "mouse_event", button: "left", x: mark.x + mark.width / 2, y: mark.y + mark.height / 2 };
    operator.send({ ...event, event_type: "move", buttons: 0 });
    operator.send({ ...event, event_type: "down", buttons: 1 });
    if (mark.hold > 0) await new Promise((resolve) => setTimeout(resolve, mark.hold));
    operator.send({ ...event, event_type: "up", buttons: 0 });
    // A press that ends the session in the same moment has reached the page as well. One that is held may end elsewhere.
    const reports = [`acted:${name}`, ...(mark.hold > 0 ? ["settled"] : [])];
    const acted = await Promise.race([
      ...reports.map((what) => this.#run.report(what, before, PATIENCE_MS)),
      this.#ended,
    ]);
    if (!acted) return this.#stuck(`The press on "${name}" has not reached the page.`);
    if (mark.text !== null) operator.send({ type: "text", text: mark.text });
    return true;
  }

  #stuck(why: string): false {
    this.blame("stuck", why);
    return false;
  }

  /** Returns whether the session goes on. */
  async #judge(step: Step, from: number): Promise<boolean> {
    if (step.right === null) return true;
    if (step.right === "solved") return this.#judgeSuccess(step, from);
    if (step.right === "operator") return this.#judgeWord();
    if (step.right === "asked") this.#counts.asks += 1;
    const until = step.until ?? (step.act === "nobody" ? "loaded" : step.act === "finish" ? null : "settled");
    if (until !== null) {
      const told = await Promise.race([this.#run.report(until, from, PATIENCE_MS), this.#ended]);
      if (!told) return this.#stuck(`The page has not reported "${until}".`);
    }
    const status = this.#end?.status ?? (await this.#status(WATCH_SECONDS));
    if (!LIVING.includes(status.state ?? "")) {
      this.#end ??= { status, at: Date.now() };
      this.#blameEnd(this.#end);
      return false;
    }
    if (step.right === "asked") {
      if (await this.#wasAsked(step)) this.#counts.asked += 1;
      else this.blame("not asked", "nobody was asked");
    }
    if (step.act === "nobody" && this.#page.found === null) await this.#expectNothingFound();
    return true;
  }

  /**
   * Who sees the challenge, has followed a link, or whose page the bot has moved, is not asked by itself: Done is the
   * person's word then.
   */
  async #wasAsked(step: Step): Promise<boolean> {
    if (step.act === "bot" || (step.act === "press" && step.mark === "link")) return true;
    if (hasQuestion(this.#operator?.received ?? [])) return true;
    const { captcha_info: info } = await this.#call<SessionDetail>("GET", `/session/${this.#id}`);
    return step.act === "press" && info !== null;
  }

  async #expectNothingFound(): Promise<void> {
    const { captcha_info: info } = await this.#call<SessionDetail>("GET", `/session/${this.#id}`);
    if (info !== null) this.blame("found a badge", `${info.kind} at ${describe(info)}`);
  }

  async #judgeSuccess(step: Step, from: number): Promise<boolean> {
    this.#counts.successes += 1;
    const success = await Promise.race([this.#run.report("success", from, PATIENCE_MS), this.#ended.then(() => null)]);
    if (success === undefined) return this.#stuck("The page has not succeeded.");
    const reported = success ?? (await this.#run.report("success", from, REPORT_MS));
    if (!reported || (await this.#endedBefore(reported.at))) {
      if (this.#end) this.#blameEnd(this.#end);
      return false;
    }
    const late = new Promise<null>((resolve) => setTimeout(resolve, this.#patience.verdictMs, null).unref());
    const end = await Promise.race([this.#ended, late]);
    if (!end) {
      this.blame("missed", `no verdict within ${this.#patience.verdictMs} ms`);
      return false;
    }
    if (end.status.state !== "solved" || end.status.verified !== "checked") {
      this.blame("missed", `it ended as ${end.status.state} / ${end.status.verified}`);
      return false;
    }
    const tookMs = end.at - reported.at;
    this.#tookMs.push(tookMs);
    if (tookMs > VERDICT_MS) this.blame("late", `the verdict took ${tookMs} ms`);
    else this.#counts.verdicts += 1;
    if (step.how !== undefined) await this.#expectEvidence(step.how);
    return false;
  }

  /** Whether the session had ended before the page succeeded. */
  async #endedBefore(at: number): Promise<boolean> {
    const { ended_at } = await this.#call<SessionDetail>("GET", `/session/${this.#id}`);
    return ended_at !== null && Date.parse(ended_at) < at;
  }

  async #expectEvidence(how: string): Promise<void> {
    const { evidence } = await this.#call<SessionResult>("GET", `/session/${this.#id}/result`);
    if (!evidence.some((one) => "how" in one && one.how === how)) {
      this.blame("wrong evidence", `${JSON.stringify(evidence)} does not say ${how}`);
    }
  }

  async #judgeWord(): Promise<boolean> {
    this.#counts.successes += 1;
    const status = await this.#status(WATCH_SECONDS);
    if (status.state === "solved" && status.verified === "operator") this.#counts.verdicts += 1;
    else this.blame("missed", `the person's word ended it as ${status.state} / ${status.verified}`);
    return false;
  }

  #blameEnd({ status }: { status: SessionStatus }): void {
    if (status.state === "solved") this.blame("false solved", `${status.verified} / ${status.reason}`);
    else this.blame("stuck", `it ended as ${status.state} / ${status.reason}`);
  }

  async #connect(): Promise<LiveClient> {
    this.#operator ??= await LiveClient.connect(this.#wsUrl, [BINARY_SUBPROTOCOL], this.#world.headers);
    return this.#operator;
  }

  async #untilEnd(): Promise<{ status: SessionStatus; at: number }> {
    while (!this.#closing) {
      const status = await this.#status(STATUS_WAIT_SECONDS).catch(() => null);
      if (status?.completed || (status && !LIVING.includes(status.state ?? ""))) {
        this.#end = { status, at: Date.now() };
        return this.#end;
      }
    }
    return new Promise(() => {});
  }

  #status(seconds: number): Promise<SessionStatus> {
    return this.#call<SessionStatus>("GET", `/status/${this.#id}?wait=${seconds}`);
  }

  async #call<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.#world.api}${path}`, {
      method,
      headers: { ...this.#world.headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}

function nameOf(step: Step, index: number): string {
  const what = step.act === "press" ? step.mark : step.act === "bot" ? step.what : step.act;
  return `${index + 1} ${what}`;
}

/** The server's box is in whole pixels, and so off by one at most where it is right. */
function isSameBox(
  info: { x: number; y: number; width: number; height: number; in_iframe: boolean },
  truth: Mark,
): boolean {
  if (truth.frame === "in" && !info.in_iframe) return false;
  if (truth.frame === "none" && info.in_iframe) return false;
  const sides = [
    [info.x, truth.x],
    [info.y, truth.y],
    [info.x + info.width, truth.x + truth.width],
    [info.y + info.height, truth.y + truth.height],
  ] as const;
  return sides.every(([a, b]) => Math.abs(a - b) <= BOX_TOLERANCE);
}

function describe(rect: { x: number; y: number; width: number; height: number } | null | undefined): string {
  if (!rect) return "no box";
  return [rect.x, rect.y, rect.width, rect.height].map((value) => Math.round(value)).join(",");
}
