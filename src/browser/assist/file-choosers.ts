/**
 * [W48] The file choosers of an owned page: the person in control is asked for files. A page of the bot's own keeps its
 * choosers: to see them, CDP's Page domain must be enabled, which takes the page's dialogs from the bot.
 */
import { randomBytes } from "node:crypto";
import { AppError } from "../../errors.ts";
import type { PageAnswer, PageEvents } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { EventSession, FileChooserOpened } from "../tabs/tab-sessions.ts";

const CALL_DEADLINE_MS = 3_000;
const ID_BYTES = 9;
/** Of the field's `accept`, which the page writes. */
const MAX_ACCEPT_LENGTH = 1_000;
const WORLD_NAME = "captcha-remote";

interface OpenChooser {
  readonly questionId: string;
  readonly session: EventSession;
  readonly frameId: string;
  readonly backendNodeId: number;
}

export interface FileChoosersDeps {
  readonly maxBytes: number;
  readonly events: Pick<PageEvents, "ask" | "withdraw">;
}

export class FileChoosers {
  readonly #deps: FileChoosersDeps;
  /** As in a browser, one chooser is open at a time. */
  #open: OpenChooser | null = null;

  constructor(deps: FileChoosersDeps) {
    this.#deps = deps;
  }

  /** Takes over the choosers of this session's frames. */
  follow(session: EventSession): void {
    session.on("Page.fileChooserOpened", (chooser: FileChooserOpened) => void this.#onOpened(session, chooser));
    const gone = (frameId: string) => {
      if (this.#open?.session === session && this.#open.frameId === frameId) this.#withdraw();
    };
    session.on("Page.frameNavigated", ({ frame }) => gone(frame.id));
    session.on("Page.frameDetached", ({ frameId }) => gone(frameId));
    // Of a frame that is gone before this completes there is no chooser.
    session.send("Page.enable").catch(() => {});
    session.send("Page.setInterceptFileChooserDialog", { enabled: true }).catch(() => {});
  }

  /** Throws AppError question_gone. */
  async answer({ question_id, files }: Extract<PageAnswer, { type: "answer_files" }>): Promise<void> {
    const chooser = this.#open;
    if (chooser?.questionId !== question_id) throw gone();
    this.#open = null;
    const { session, backendNodeId } = chooser;
    if (files.length === 0) return this.#cancel(chooser);
    const giving = session.send("DOM.setFileInputFiles", { files: files.map(({ path }) => path), backendNodeId });
    await withDeadline(giving, CALL_DEADLINE_MS, "file chooser").catch((cause: unknown) => {
      this.#deps.events.withdraw(question_id);
      throw gone(cause);
    });
  }

  async #onOpened(session: EventSession, { frameId, mode, backendNodeId }: FileChooserOpened): Promise<void> {
    this.#withdraw();
    if (backendNodeId === undefined) return;
    const questionId = randomBytes(ID_BYTES).toString("base64url");
    const chooser = { questionId, session, frameId, backendNodeId };
    this.#open = chooser;
    const accept = await acceptOf(session, backendNodeId).catch(() => null);
    if (this.#open !== chooser) return;
    const question = {
      type: "ask_files" as const,
      question_id: questionId,
      multiple: mode === "selectMultiple",
      accept: (accept ?? "").slice(0, MAX_ACCEPT_LENGTH),
      max_bytes: this.#deps.maxBytes,
    };
    if (accept !== null && this.#deps.events.ask(question)) return;
    this.#open = null;
    await this.#cancel(chooser);
  }

  #withdraw(): void {
    if (this.#open) this.#deps.events.withdraw(this.#open.questionId);
    this.#open = null;
  }

  /** The field gets the event that a browser sends when its chooser is closed. */
  async #cancel({ session, frameId, backendNodeId }: OpenChooser): Promise<void> {
    const cancelling = async () => {
      const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId, worldName: WORLD_NAME });
      const { object } = await session.send("DOM.resolveNode", { backendNodeId, executionContextId });
      if (object.objectId === undefined) return;
      const { objectId } = object;
      await session.send("Runtime.callFunctionOn", { objectId, functionDeclaration: String(dispatchCancel) });
      await session.send("Runtime.releaseObject", { objectId });
    };
    // A page that is gone waits for nothing.
    await withDeadline(cancelling(), CALL_DEADLINE_MS, "file chooser").catch(() => {});
  }
}

function dispatchCancel(this: Element): void {
  this.dispatchEvent(new Event("cancel", { bubbles: true }));
}

async function acceptOf(session: EventSession, backendNodeId: number): Promise<string> {
  const describing = session.send("DOM.describeNode", { backendNodeId });
  const { attributes = [] } = (await withDeadline(describing, CALL_DEADLINE_MS, "file chooser")).node;
  const at = attributes.findIndex((text, index) => index % 2 === 0 && text === "accept");
  return at < 0 ? "" : (attributes[at + 1] ?? "");
}

function gone(cause?: unknown): AppError {
  return new AppError("question_gone", { field: "question_id" }, { cause });
}
