/** [W46] Dialogs of a page that this server answers: asked of the person in control, else answered by their default. */
import { randomUUID } from "node:crypto";
import { AppError } from "../../errors.ts";
import type { ClientMessageOf, Question, ServerMessageOf } from "../../protocol/live.ts";
import type { Notice, PageEvents } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";

/** A person has this long to answer; then the dialog gets its default. */
export const DIALOG_PATIENCE_MS = 30_000;
const CALL_DEADLINE_MS = 2_000;
/** A page that asks again and again is not shown any more after this many dialogs in a row. */
const MOST_IN_A_ROW = 5;
/** A dialog that opens within this time after the last one closed, without a press between them, is in a row with it. */
const ROW_GAP_MS = 5_000;
/** A page may open a dialog with a text of any length. */
const MAX_MESSAGE_LENGTH = 1_000;
const MAX_TEXT_LENGTH = 10_000;

/** A session of the page itself: the browser reports the dialogs of all its frames there, other sites' frames too. */
export interface DialogSession extends CdpSender {
  on(event: "Page.javascriptDialogOpening", listener: (event: OpeningEvent) => void): unknown;
  on(event: "Page.javascriptDialogClosed", listener: (event: ClosedEvent) => void): unknown;
}

type DialogKind = ServerMessageOf<"dialog">["kind"];

interface OpeningEvent {
  /** The address of the frame. */
  readonly url: string;
  readonly type: DialogKind;
  readonly message: string;
  readonly defaultPrompt?: string;
}

interface ClosedEvent {
  readonly result: boolean;
}

interface OpenDialog {
  readonly question: Extract<Question, { type: "ask_dialog" }>;
  /** What a prompt has in its field. */
  readonly text: string;
  readonly timer: NodeJS.Timeout;
}

export interface PageDialogsDeps extends Pick<PageEvents, "ask" | "withdraw"> {
  readonly session: DialogSession;
  /** Of all windows of the session; left out: there is one. */
  readonly row?: DialogRow | undefined;
  readonly notice: (notice: Notice) => void;
  readonly log: { warn(facts: object, message: string): void };
}

/** The dialogs of all windows of a session, one after the other: a person sees them in one row. */
export class DialogRow {
  #shown = 0;
  #open = 0;
  #lastClosedAt = -Infinity;

  /** Whether a dialog of any window waits for a person: windows of one process all stand still then. */
  get isOpen(): boolean {
    return this.#open > 0;
  }

  /** Whether the next dialog may be shown: "last" with the first one that may not. */
  next(): "show" | "last" | "muted" {
    const isApart = !this.isOpen && performance.now() - this.#lastClosedAt > ROW_GAP_MS;
    if (isApart) this.#shown = 0;
    if (this.#shown < MOST_IN_A_ROW) return "show";
    const isFirst = this.#shown === MOST_IN_A_ROW;
    this.#shown = MOST_IN_A_ROW + 1;
    this.#lastClosedAt = performance.now();
    return isFirst ? "last" : "muted";
  }

  opened(): void {
    this.#shown += 1;
    this.#open += 1;
  }

  closed(): void {
    this.#open -= 1;
    this.#lastClosedAt = performance.now();
  }

  /** A person has pressed something in a page: what it opens then is not in a row with what was before. */
  acted(): void {
    if (!this.isOpen) this.#shown = 0;
  }
}

export class PageDialogs {
  readonly #deps: PageDialogsDeps;
  readonly #row: DialogRow;
  /** The dialog that waits for a person; null: none does. */
  #open: OpenDialog | null = null;

  constructor(deps: PageDialogsDeps) {
    this.#deps = deps;
    this.#row = deps.row ?? new DialogRow();
    deps.session.on("Page.javascriptDialogOpening", (event: OpeningEvent) => this.#onOpening(event));
    deps.session.on("Page.javascriptDialogClosed", ({ result }: ClosedEvent) => this.#onClosed(result));
  }

  /** Takes over the page's dialogs from here on. Rejects when the browser does not answer. */
  async begin(): Promise<void> {
    await withDeadline(this.#deps.session.send("Page.enable"), CALL_DEADLINE_MS, "dialogs");
  }

  /** Whether the page stands still until a person answers, here or in another window of the session. */
  get isOpen(): boolean {
    return this.#row.isOpen;
  }

  /** As DialogRow.acted(). */
  acted(): void {
    this.#row.acted();
  }

  /** Throws AppError `question_gone`. */
  async answer({ question_id, accept, text }: ClientMessageOf<"answer_dialog">): Promise<void> {
    if (this.#open?.question.question_id !== question_id) throw questionGone();
    if (!(await this.#settle(this.#open, accept, text))) throw questionGone();
  }

  /** The page is let go of: an open dialog gets its default, or it would hold up the page. */
  stop(): void {
    if (this.#open) void this.#settle(this.#open, acceptedByDefault(this.#open.question.kind));
  }

  /** The page is gone, and its dialog with it. */
  gone(): void {
    this.#forget();
  }

  #onOpening({ url, type: kind, message, defaultPrompt = "" }: OpeningEvent): void {
    // The browser shows one dialog at a time: one that is still open here was closed without a word.
    this.#forget();
    const question = {
      type: "ask_dialog" as const,
      question_id: randomUUID(),
      kind,
      site: URL.parse(url)?.host ?? "",
      message: message.slice(0, MAX_MESSAGE_LENGTH),
      default_text: defaultPrompt.slice(0, MAX_TEXT_LENGTH),
    };
    const accept = acceptedByDefault(kind);
    const turn = this.#row.next();
    if (turn !== "show") {
      if (turn === "last") this.#deps.notice({ type: "page_notice", notice: "dialogs_muted", url });
      void this.#reply(kind, accept, defaultPrompt);
    } else if (this.#deps.ask(question)) {
      this.#row.opened();
      const timer = setTimeout(() => void this.#settle(dialog, accept), DIALOG_PATIENCE_MS);
      const dialog: OpenDialog = { question, text: defaultPrompt, timer };
      this.#open = dialog;
    } else {
      void this.#reply(kind, accept, defaultPrompt);
      this.#publish(question, accept);
    }
  }

  /** The page is gone from under the dialog, or another client of the browser has answered it. */
  #onClosed(result: boolean): void {
    const dialog = this.#forget();
    if (dialog) this.#publish(dialog.question, result);
  }

  async #settle(dialog: OpenDialog, accept: boolean, text?: string): Promise<boolean> {
    if (this.#open !== dialog) return false;
    this.#forget();
    const isDone = await this.#reply(dialog.question.kind, accept, text ?? dialog.text);
    if (isDone) this.#publish(dialog.question, accept);
    return isDone;
  }

  #forget(): OpenDialog | null {
    const dialog = this.#open;
    if (!dialog) return null;
    clearTimeout(dialog.timer);
    this.#open = null;
    this.#row.closed();
    this.#deps.withdraw(dialog.question.question_id);
    return dialog;
  }

  /** Whether the browser took the answer. */
  async #reply(kind: DialogKind, accept: boolean, text: string): Promise<boolean> {
    const answer = kind === "prompt" && accept ? { accept, promptText: text } : { accept };
    const replying = this.#deps.session.send("Page.handleJavaScriptDialog", answer);
    return withDeadline(replying, CALL_DEADLINE_MS, "dialog").then(
      () => true,
      (error: unknown) => {
        this.#deps.log.warn({ err: error, kind }, "dialog could not be answered");
        return false;
      },
    );
  }

  #publish({ kind, message }: OpenDialog["question"], accept: boolean): void {
    this.#deps.notice({ type: "dialog", kind, message, answer: accept ? "accepted" : "dismissed" });
  }
}

/** A dialog that only informs is accepted; one that asks is dismissed. */
export function acceptedByDefault(kind: DialogKind): boolean {
  return kind === "alert" || kind === "beforeunload";
}

function questionGone(): AppError {
  return new AppError("question_gone", { field: "question_id" });
}
