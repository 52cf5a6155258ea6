/** Every frame of a page across its processes: which CDP session reaches it and where it is on the page. */

import type { Rect } from "../../protocol/common.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { type Affine, compose, IDENTITY, mapBox } from "./frame-geometry.ts";
import { chooseHosts, keepRoots } from "./in-page-roots.ts";
import { framePlace, hitsFrame } from "./in-page-scripts.ts";
import type { FrameProcess, Tab } from "./tab.ts";

/** The deadline of one call into the browser about frames. */
const FRAME_CALL_DEADLINE_MS = 1_000;
/** The time that a script may take in the page's own process. */
const SCRIPT_TIMEOUT_MS = 300;
const WORLD_NAME = "captcha-remote";
/** A root inside of another is found one step later than that: 100 deep, as chooseHosts(), and batches of many elements. */
const MAX_ROOT_STEPS = 150;
/** Describes each element and its shadow root, and nothing in them. */
const SHALLOW = { serialization: "deep" as const, additionalParameters: { includeShadowTree: "all" } };

export interface FrameRef extends FrameProcess {
  readonly id: string;
  readonly parent: FrameRef | null;
  /** Without the fragment. */
  readonly url: string;
  /** With the fragment: some frames say there what they show. */
  readonly address: string;
  /** The id of its document: it changes with every document. */
  readonly loaderId: string;
}

/** A frame's content box in the page's CSS px: the box around it where the page turns the frame. */
export interface FrameRect extends Rect {
  /** From the frame's own CSS px to the page's: mapBox() places what is inside of the frame. */
  readonly toPage: Affine;
  readonly visible: boolean;
}

const MAIN_FRAME_RECT: FrameRect = { x: 0, y: 0, width: 0, height: 0, toPage: IDENTITY, visible: true };

interface FrameTree {
  readonly frame: {
    readonly id: string;
    readonly parentId?: string;
    readonly url: string;
    readonly urlFragment?: string;
    readonly loaderId: string;
  };
  readonly childFrames?: readonly FrameTree[];
}

/** An entry of chooseHosts()'s answer as deep serialization describes it. */
interface SerializedEntry {
  readonly value?:
    | number
    | boolean
    | { readonly shadowRoot?: { readonly value: { readonly backendNodeId: number } } | null };
}

/** The element of a frame, as an object of the isolated world of the document that holds it. */
interface FrameOwner {
  readonly frameId: string;
  readonly session: FrameProcess["session"];
  readonly objectId: string;
}

interface FrameNode {
  readonly node: FrameTree["frame"];
  readonly process: FrameProcess;
}

export class PageFrames {
  readonly #tab: Tab;
  readonly #worlds = new Map<string, number>();
  readonly #owners = new Map<string, FrameOwner>();
  /** For each document the last batch of chooseHosts() whose roots are kept. */
  readonly #answeredBatches = new Map<string, number>();
  #lastSearch = 0;
  /** The last search under way in each document. */
  readonly #rootLooks = new Map<string, Promise<void>>();

  constructor(tab: Tab) {
    this.#tab = tab;
  }

  /** Grows when frames are attached, navigate or are detached: those in other processes at least. */
  get version(): number {
    return this.#tab.framesVersion;
  }

  /** Lists all frames, parents first. Throws when a process does not answer. */
  async list(): Promise<FrameRef[]> {
    const processes = await this.#tab.processes();
    const waiting = (await Promise.all(processes.map((process) => this.#nodes(process)))).flat();
    const byId = new Map<string, FrameRef>();
    // The tree of a process may come before the tree of its parent: place what has a parent, until nothing is left to place.
    for (let placed = true; placed; ) {
      placed = false;
      for (const { node, process } of waiting) {
        const parent = node.parentId === undefined ? null : byId.get(node.parentId);
        if (byId.has(node.id) || parent === undefined) continue;
        const { id, url, urlFragment = "", loaderId } = node;
        byId.set(id, { id, parent, ...process, url, address: url + urlFragment, loaderId });
        placed = true;
      }
    }
    const frames = [...byId.values()];
    this.#tab.framesListed(frames);
    for (const [key, owner] of this.#owners) if (!byId.has(owner.frameId)) this.#forgetOwner(key, owner);
    return frames;
  }

  /**
   * Runs a function in the frame's isolated world, where the page does not see it. The function is sent as text, so it
   * uses nothing from outside of itself. Throws when the frame does not answer in time or its document is gone.
   */
  async run<Argument, Result>(
    frame: FrameRef,
    script: (argument: Argument) => Result,
    argument: Argument,
    timeoutMs = SCRIPT_TIMEOUT_MS,
  ): Promise<Result> {
    return this.evaluate<Result>(frame, `(${script})(${JSON.stringify(argument)})`, timeoutMs);
  }

  /** The value of an expression in the frame's isolated world. Throws as run() does. */
  async evaluate<Result>(frame: FrameRef, expression: string, timeoutMs = SCRIPT_TIMEOUT_MS): Promise<Result> {
    const contextId = await this.#world(frame);
    const { result, exceptionDetails } = await this.#call(
      frame.session.send("Runtime.evaluate", { expression, contextId, returnByValue: true, timeout: timeoutMs }),
      "frame script",
    ).catch((error: unknown) => {
      this.#worlds.delete(documentKey(frame));
      throw error;
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value as Result;
  }

  /**
   * Gives the frame's isolated world, and it alone, a function of this name, whose calls the frame's session for input
   * hears (Runtime.bindingCalled). Rejects when the document is gone, does not answer, or the browser refuses it.
   */
  async bind(frame: FrameRef, name: string): Promise<void> {
    const executionContextId = await this.#world(frame);
    const binding = frame.inputSession.send("Runtime.addBinding", { name, executionContextId });
    await this.#call(binding, "binding").catch((error: unknown) => {
      this.#worlds.delete(documentKey(frame));
      throw error;
    });
  }

  /**
   * What a promise of the frame's isolated world resolves with, however late. Rejects when that rejects, or the document
   * is gone.
   */
  async whenSettled<Argument, Result>(
    frame: FrameRef,
    script: (argument: Argument) => Promise<Result>,
    argument: Argument,
  ): Promise<Result> {
    const contextId = await this.#world(frame);
    const expression = `(${script})(${JSON.stringify(argument)})`;
    const call = { expression, contextId, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await frame.session.send("Runtime.evaluate", call).catch((error: unknown) => {
      this.#worlds.delete(documentKey(frame));
      throw error;
    });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value as Result;
  }

  /** The frame's content box in the page's CSS px; the main frame begins at the viewport's origin. */
  async rectOf(frame: FrameRef): Promise<FrameRect> {
    if (!frame.parent) return MAIN_FRAME_RECT;
    const [outer, own] = await Promise.all([this.rectOf(frame.parent), this.onOwner(frame, framePlace, [])]);
    const toPage = compose(outer.toPage, own.toParent);
    return { ...mapBox(toPage, { x: 0, y: 0, ...own.size }), toPage, visible: own.visible && outer.visible };
  }

  /** Whether a point (in the parent's own CSS px) hits this frame and no element above it. */
  async isHit(frame: FrameRef, x: number, y: number): Promise<boolean> {
    return this.onOwner(frame, hitsFrame, [x, y]);
  }

  /** Whether the frame has a process of its own, so that input must be sent to its own session. */
  isRemote(frame: FrameRef): boolean {
    return frame.parent !== null && frame.parent.session !== frame.session;
  }

  /**
   * Finds shadow roots, closed ones too, and puts them into the isolated world's `roots` (RootsWorld). One call where no
   * element is new. `thorough` asks about each element that may have got a root since the last time, as pictures for
   * watchers need; else such elements are asked about each second. Throws when the frame does not answer in time.
   */
  findRoots(frame: FrameRef, { thorough = false } = {}): Promise<void> {
    const key = documentKey(frame);
    const look = () => this.#lookForRoots(frame, thorough);
    // A look remembers in the page what it has asked about: two at once would mix that up.
    const looked = (this.#rootLooks.get(key) ?? Promise.resolve()).then(look, look);
    this.#rootLooks.set(key, looked);
    const done = () => {
      if (this.#rootLooks.get(key) === looked) this.#rootLooks.delete(key);
    };
    looked.then(done, done);
    return looked;
  }

  async #lookForRoots(frame: FrameRef, isThorough: boolean): Promise<void> {
    const key = documentKey(frame);
    const contextId = await this.#world(frame);
    // A group has the objects of all frames of a process: each search has its own, which the browser forgets after it.
    this.#lastSearch += 1;
    const objectGroup = `captcha-remote-${this.#lastSearch}`;
    for (let step = 0; step < MAX_ROOT_STEPS; step += 1) {
      const question = { answered: this.#answeredBatches.get(key) ?? 0, isFirst: step === 0, isThorough };
      const { result } = await this.#call(
        frame.session.send("Runtime.evaluate", {
          expression: `(${chooseHosts})(${JSON.stringify(question)})`,
          contextId,
          objectGroup,
          serializationOptions: SHALLOW,
          timeout: SCRIPT_TIMEOUT_MS,
        }),
        "shadow roots",
      ).catch((error: unknown) => {
        this.#worlds.delete(key);
        throw error;
      });
      const { batch, hasMore, roots } = readHosts(result.deepSerializedValue?.value);
      if (roots.length > 0) await this.#keepRoots(frame, contextId, roots, objectGroup);
      if (batch !== 0) remember(this.#answeredBatches, key, batch);
      // The browser keeps the elements alive for as long as the group has them.
      void frame.session.send("Runtime.releaseObjectGroup", { objectGroup }).catch(() => {});
      if (roots.length === 0 && !hasMore) return;
    }
  }

  async #keepRoots(
    frame: FrameRef,
    executionContextId: number,
    backendNodeIds: readonly number[],
    objectGroup: string,
  ): Promise<void> {
    const { session } = frame;
    const resolved = await this.#call(
      Promise.all(
        backendNodeIds.map((backendNodeId) =>
          session
            .send("DOM.resolveNode", { backendNodeId, executionContextId, objectGroup })
            // Its host is gone meanwhile.
            .catch(() => null),
        ),
      ),
      "shadow roots",
    );
    const objects = resolved.flatMap((node) => (node?.object.objectId ? [{ objectId: node.object.objectId }] : []));
    const keeping = { functionDeclaration: String(keepRoots), executionContextId, arguments: objects };
    await this.#call(session.send("Runtime.callFunctionOn", keeping), "shadow roots");
  }

  /** Runs a function on the frame's element, in the isolated world of its parent. Throws when the parent does not answer. */
  async onOwner<Arguments extends unknown[], Result>(
    frame: FrameRef,
    script: (this: Element, ...given: Arguments) => Result,
    given: Arguments,
  ): Promise<Result> {
    const { parent } = frame;
    if (!parent) throw new Error("The main frame has no owner.");
    const { result, exceptionDetails } = await this.#call(
      parent.session.send("Runtime.callFunctionOn", {
        objectId: await this.#owner(frame, parent),
        functionDeclaration: String(script),
        arguments: given.map((value) => ({ value })),
        returnByValue: true,
      }),
      "frame owner",
    );
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value as Result;
  }

  /** The frame's element, as an object of the parent's isolated world. */
  async #owner(frame: FrameRef, parent: FrameRef): Promise<string> {
    const key = `${frame.id} ${parent.loaderId}`;
    const known = this.#owners.get(key);
    if (known) return known.objectId;
    const { backendNodeId } = await this.#call(
      parent.session.send("DOM.getFrameOwner", { frameId: frame.id }),
      "frame owner",
    );
    const executionContextId = await this.#world(parent);
    const { object } = await this.#call(
      parent.session.send("DOM.resolveNode", { backendNodeId, executionContextId }),
      "frame owner",
    );
    if (object.objectId === undefined) throw new Error("The frame has no element.");
    const owner = { frameId: frame.id, session: parent.session, objectId: object.objectId };
    const [oldest] = this.#owners;
    if (this.#owners.size >= REMEMBERED_DOCUMENTS && oldest) this.#forgetOwner(...oldest);
    this.#owners.set(key, owner);
    return owner.objectId;
  }

  /** The browser keeps an element alive for as long as it is an object of a session. */
  #forgetOwner(key: string, { session, objectId }: FrameOwner): void {
    this.#owners.delete(key);
    void session.send("Runtime.releaseObject", { objectId }).catch(() => {});
  }

  async #world(frame: FrameRef): Promise<number> {
    const key = documentKey(frame);
    const known = this.#worlds.get(key);
    if (known !== undefined) return known;
    const { executionContextId } = await this.#call(
      frame.session.send("Page.createIsolatedWorld", { frameId: frame.id, worldName: WORLD_NAME }),
      "isolated world",
    );
    remember(this.#worlds, key, executionContextId);
    return executionContextId;
  }

  async #nodes(process: FrameProcess): Promise<FrameNode[]> {
    const { frameTree } = await this.#call(process.session.send("Page.getFrameTree"), "frame tree");
    return flatten(frameTree).map((node) => ({ node, process }));
  }

  #call<T>(work: Promise<T>, what: string): Promise<T> {
    return withDeadline(work, FRAME_CALL_DEADLINE_MS, what);
  }
}

function readHosts(entries: readonly SerializedEntry[] = []): { batch: number; hasMore: boolean; roots: number[] } {
  const [batch, hasMore, ...hosts] = entries.map(({ value }) => value);
  return {
    batch: typeof batch === "number" ? batch : 0,
    hasMore: hasMore === true,
    roots: hosts.flatMap((host) => {
      const root = typeof host === "object" ? host.shadowRoot : null;
      return root ? [root.value.backendNodeId] : [];
    }),
  };
}

function documentKey(frame: FrameRef): string {
  return `${frame.id} ${frame.loaderId}`;
}

function flatten({ frame, childFrames = [] }: FrameTree): FrameTree["frame"][] {
  return [frame, ...childFrames.flatMap(flatten)];
}

/** A page may load documents without end: the number that is remembered is bounded. */
const REMEMBERED_DOCUMENTS = 200;

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= REMEMBERED_DOCUMENTS) {
    const oldest = map.keys().next().value;
    if (oldest !== undefined) map.delete(oldest);
  }
  map.set(key, value);
}
