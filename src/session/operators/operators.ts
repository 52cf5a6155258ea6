/** Who is connected to a session, and who of them is in control. */
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../errors.ts";
import type { ServerMessage } from "../../protocol/live.ts";
import { Throttle } from "../../util/throttle.ts";
import { PictureDistributor } from "../pictures/picture-distributor.ts";
import { sessionInfo } from "../pictures/session-info.ts";
import type { LensChange, Viewer } from "../pictures/viewer.ts";
import type { RecordOperatorAct } from "../ports/operator-acts.ts";
import type { ChallengePage, PageInput, Picture } from "../ports/page.ts";
import { conditionNotice, visibilityNotice } from "../ports/page-notices.ts";
import type { ResumableControl } from "../ports/resume-state.ts";
import type { SessionRecord } from "../ports/store.ts";
import { type Actor, ControlLease } from "./control-lease.ts";

/** [W24] What a lost socket held down is released after so long. */
const RELEASE_AFTER_LOSS_MS = 1_000;
/** [R4] The anonymous REST operator leaves when it has been quiet for so long. */
const REST_OPERATOR_QUIET_MS = 10_000;

const REST_OPERATOR = "rest";
const WATCHERS_LENS_MS = 1_000;

/** Who acts over REST, and who is told what is done. */
export interface RestCaller {
  readonly who: string;
  readonly recordAct?: RecordOperatorAct | undefined;
}
type RestOperator = Actor & RestCaller;

interface OperatorsDeps {
  readonly record: Readonly<SessionRecord>;
  /** Somebody took control, or nobody has it any more (null). */
  readonly onControl: (holder: string | null) => void;
  /** What somebody in control did has gone to the page. */
  readonly onInput: (input: PageInput) => void;
  /** An operator came or left, by name. */
  readonly onPresence: (change: "joined" | "left", operator: string) => void;
}

/** The page as long as it is there, with what its viewers are shown of it: both come and go together. */
interface ShownPage {
  readonly page: ChallengePage;
  readonly pictures: PictureDistributor;
}

/** The last messages to all operators, and the code and reason that their sockets close with. */
export interface Disconnect {
  readonly messages: readonly ServerMessage[];
  readonly closeCode: number;
  readonly reason: string;
}

export class Operators {
  readonly #deps: OperatorsDeps;
  readonly #viewers = new Set<Viewer>();
  readonly #lease = new ControlLease(() => this.#syncControl());
  #restOperator: RestOperator = { name: REST_OPERATOR, who: "" };
  /** Of whom it was last told that they are in control. */
  #recordedHolder: Actor | null = null;
  /** Null while the page is starting or opened again, and after the end. */
  #shown: ShownPage | null = null;
  readonly #watchersLenses = new Map<Viewer, { readonly wanted: LensChange; readonly throttle: Throttle }>();
  #restQuiet: NodeJS.Timeout | undefined;

  constructor(deps: OperatorsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#viewers.size;
  }

  /** How many of them could act. */
  get actors(): number {
    return [...this.#viewers].filter(({ role }) => role === "control").length;
  }

  /** The name of who is in control. */
  get holder(): string | null {
    return this.#lease.holder?.name ?? null;
  }

  /** Who is in control, where it is recognised when it comes back. */
  get control(): ResumableControl | null {
    const { name, who } = this.#lease.holder ?? {};
    return name && who && name !== REST_OPERATOR ? { name, who } : null;
  }

  /** Control waits a while for whoever an earlier server gave it to. */
  reserve(control: ResumableControl): void {
    this.#lease.reserve(control);
  }

  /** The page is ready, for the first time or again: everybody who is there is shown it. */
  async pageReady(page: ChallengePage): Promise<void> {
    this.pageLost();
    const { record } = this.#deps;
    this.#shown = { page, pictures: new PictureDistributor({ record, page, viewers: this.#viewers }) };
    this.#syncKeepView();
    this.#syncControl();
    await Promise.all([...this.#viewers].map((viewer) => this.#welcome(viewer)));
  }

  /** The page is gone: nothing more is shown of it, or done to it. */
  pageLost(): void {
    this.#shown?.pictures.stop();
    this.#shown = null;
  }

  /** A viewer joins and is sent everything it needs to begin; an older one only once the page is ready [W2]. */
  async join(viewer: Viewer, pageReadyOrLate: Promise<void>): Promise<void> {
    this.#viewers.add(viewer);
    // Somebody who can act: a bot may refresh a stale challenge for them.
    if (viewer.role === "control") this.#deps.onPresence("joined", viewer.name);
    viewer.recordAct?.("operator.join", viewer.name);
    if (viewer.role === "control") this.#giveFreeControl(viewer);
    this.#shown?.pictures.add(viewer);
    this.#syncKeepView();
    if (this.#shown || !viewer.plain) {
      await this.#welcome(viewer);
    } else {
      await pageReadyOrLate;
      // Where the page is ready now, pageReady() welcomes everybody who is there.
      if (!this.#shown) await this.#welcome(viewer);
    }
    if (!this.#viewers.has(viewer)) return;
    this.#syncControl();
    this.#broadcastPresence();
    const page = this.#page;
    if (page?.hidden) viewer.send(visibilityNotice(page));
    if (page && page.condition !== "page_responsive") {
      viewer.send(conditionNotice(page.condition, this.#deps.record));
    }
  }

  /** Sends a session_info with a picture, or without one where there is no page, or none any more. */
  async #welcome(viewer: Viewer): Promise<void> {
    if (this.#shown) await this.#shown.pictures.welcome(viewer);
    if (viewer.isWelcomed || !this.#viewers.has(viewer)) return;
    viewer.sendInfo(sessionInfo(this.#deps.record, viewer, null, this.#page), null);
    viewer.sendEarly();
  }

  #giveFreeControl(viewer: Viewer): void {
    // What a lost holder still held down is not the newcomer's.
    if (!this.#lease.holder) this.#page?.releaseAll();
    this.#lease.join(viewer);
  }

  /** A socket is gone: an anonymous holder frees control at once, another a while later; what it held down 1 s later. */
  leave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    this.#watchersLenses.get(viewer)?.throttle.stop();
    this.#watchersLenses.delete(viewer);
    const held = this.#lease.holds(viewer);
    this.#lease.leave(viewer);
    this.#shown?.pictures.remove(viewer);
    this.#syncKeepView();
    this.#syncControl();
    this.#broadcastPresence();
    if (viewer.role === "control") this.#deps.onPresence("left", viewer.name);
    viewer.recordAct?.("operator.leave", viewer.name);
    if (held) void this.#releaseAllLater();
  }

  /** Throws forbidden for a watcher. */
  takeControl(viewer: Viewer): void {
    assertMayAct(viewer);
    if (!this.#lease.holds(viewer)) this.#page?.releaseAll();
    this.#lease.take(viewer);
    this.#syncControl();
  }

  releaseControl(viewer: Viewer): void {
    if (!this.#lease.holds(viewer)) return;
    this.#page?.releaseAll();
    this.#lease.release(viewer);
    this.#syncControl();
  }

  /**
   * Replays what an operator did. Throws forbidden for a watcher, not_in_control for what others press; their moves are
   * dropped silently.
   */
  input(actor: Actor, input: PageInput): void {
    assertMayAct(actor);
    const { page, pictures } = this.#shown ?? {};
    const isPress = input.type === "mouse_event" && input.event_type === "down";
    const isHarmless = input.type === "mouse_event" && !isPress;
    if (!page) {
      if (isHarmless) return;
      throw new AppError("page_unresponsive");
    }
    const before = this.#lease.holder;
    if (!(isPress ? this.#lease.press(actor) : this.#lease.act(actor))) {
      if (isHarmless) return;
      throw new AppError("not_in_control", { holder: this.#lease.holder?.name ?? null });
    }
    if (this.#lease.holder !== before) {
      page.releaseAll();
      this.#syncControl();
    }
    page.input(input);
    if (input.type === "mouse_event" && input.event_type === "move" && input.buttons) pictures?.moved();
    this.#deps.onInput(input);
    if (input.type === "mouse_event" && input.event_type === "up") pictures?.released();
  }

  /** Throws forbidden for a watcher, not_in_control for somebody who only watches while another person is in control. */
  assertNotWatching(viewer: Viewer): void {
    assertMayAct(viewer);
    const { holder } = this.#lease;
    if (holder && holder !== viewer) throw new AppError("not_in_control", { holder: holder.name });
  }

  /** [R4] A mouse event over REST: the one anonymous operator, gone again when quiet for 10 s. */
  restInput(input: PageInput, { who, recordAct }: RestCaller = { who: "" }): void {
    // Another caller goes on in the same name: whoever it was before is not in control any more.
    if (this.#restOperator.who !== who) {
      if (this.#lease.holds(this.#restOperator)) this.#leaveRest();
      this.#restOperator = { name: REST_OPERATOR, who, recordAct };
    }
    if (!this.#lease.holder || this.#lease.waitsFor(this.#restOperator)) {
      // What a lost socket still holds down is not this operator's.
      this.#page?.releaseAll();
      this.#lease.join(this.#restOperator);
      this.#syncControl();
    }
    this.input(this.#restOperator, input);
    clearTimeout(this.#restQuiet);
    this.#restQuiet = setTimeout(() => this.#leaveRest(), REST_OPERATOR_QUIET_MS);
  }

  #leaveRest(): void {
    if (!this.#lease.holds(this.#restOperator)) return;
    this.#page?.releaseAll();
    this.#lease.release(this.#restOperator);
    this.#syncControl();
  }

  /** A picture of the page: the newest wins. */
  show(picture: Picture): void {
    this.#shown?.pictures.show(picture);
  }

  /** [W15] A viewer has this picture on its screen, and says so itself. Throws invalid_message for one never sent. */
  acknowledge(viewer: Viewer, seq: number): void {
    viewer.acknowledge(seq);
    this.#shown?.pictures.next(viewer);
  }

  /** The picture `seq`, and all before it, have arrived at a viewer. */
  arrived(viewer: Viewer, seq: number): void {
    viewer.arrived(seq);
    this.#shown?.pictures.next(viewer);
  }

  /** The challenge or the view changed; pictures of the old view are not shown any more. */
  challengeMoved(): void {
    this.#shown?.pictures.challengeMoved();
  }

  /** [W14] What a watcher wants changes what is captured for all, so it counts once a second only. */
  setLens(viewer: Viewer, wanted: LensChange): void {
    if (viewer.role === "control") {
      this.#changeLens(viewer, wanted);
      return;
    }
    const known = this.#watchersLenses.get(viewer);
    const all = Object.assign(known?.wanted ?? {}, wanted);
    const throttle = known?.throttle ?? new Throttle(() => this.#changeLens(viewer, all), WATCHERS_LENS_MS);
    this.#watchersLenses.set(viewer, { wanted: all, throttle });
    throttle.ask();
  }

  #changeLens(viewer: Viewer, { mode = viewer.lens.mode, scale = viewer.lens.scale }: LensChange): void {
    const before = viewer.lens;
    if (mode === before.mode && scale === before.scale) return;
    viewer.setLens({ mode, scale });
    this.#shown?.pictures.lensChanged(viewer, before);
  }

  broadcast(message: ServerMessage): void {
    for (const viewer of this.#viewers) viewer.send(message);
  }

  /** The same, to those who know more than older clients do. */
  announce(message: ServerMessage): void {
    for (const viewer of this.#viewers) if (!viewer.plain) viewer.send(message);
  }

  /** Sends every operator these messages and closes all sockets: the session has ended here. */
  disconnectAll({ messages, closeCode, reason }: Disconnect): void {
    clearTimeout(this.#restQuiet);
    this.#lease.stop();
    this.pageLost();
    for (const { throttle } of this.#watchersLenses.values()) throttle.stop();
    for (const viewer of this.#viewers) {
      for (const message of messages) viewer.send(message);
      viewer.close(closeCode, reason);
    }
    this.#viewers.clear();
  }

  /** Skips the release where the operator is back in time and goes on with the drag. */
  async #releaseAllLater(): Promise<void> {
    await delay(RELEASE_AFTER_LOSS_MS, undefined, { ref: false });
    if (!this.#lease.isUsed) this.#page?.releaseAll();
  }

  get #page(): ChallengePage | null {
    return this.#shown?.page ?? null;
  }

  #syncKeepView(): void {
    this.#page?.setKeepView([...this.#viewers].some(({ plain, role }) => plain && role === "control"));
  }

  #syncControl(): void {
    const { holder } = this.#lease;
    this.#recordControl(holder);
    this.#deps.onControl(this.holder);
    for (const viewer of this.#viewers) {
      viewer.send({ type: "control", holder: holder?.name ?? null, you: holder === viewer });
    }
  }

  #recordControl(holder: Actor | null): void {
    const before = this.#recordedHolder;
    if (holder === before) return;
    this.#recordedHolder = holder;
    before?.recordAct?.("control.release", before.name);
    holder?.recordAct?.("control.take", holder.name);
  }

  #broadcastPresence(): void {
    this.broadcast({ type: "presence", operators: this.#viewers.size });
  }
}

function assertMayAct({ role }: Actor): void {
  if (role === "watch") throw new AppError("forbidden", { role });
}
