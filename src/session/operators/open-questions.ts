/** [W45] What the page asks of the person in control, until it is answered or withdrawn. */
import { AppError } from "../../errors.ts";
import { FEATURE_OF_QUESTION, type Question } from "../../protocol/live.ts";
import type { Viewer } from "../pictures/viewer.ts";

/** A page may ask without end: the number of open questions is bounded. */
const MAX_OPEN = 20;

export type QuestionOf<T extends Question["type"]> = Extract<Question, { type: T }>;

interface OpenQuestion {
  readonly question: Question;
  readonly sentTo: Set<Viewer>;
}

export class OpenQuestions {
  readonly #open = new Map<string, OpenQuestion>();

  /** Sends the question. False if this holder of control cannot answer it, or too many are open. */
  ask(question: Question, holder: Viewer | null): boolean {
    if (!holder?.can(FEATURE_OF_QUESTION[question.type]) || this.#open.size >= MAX_OPEN) return false;
    this.#open.set(question.question_id, { question, sentTo: new Set([holder]) });
    holder.send(question);
    return true;
  }

  /** Another operator is in control, or its client has said what it can do: it gets what is still open. */
  show(holder: Viewer | null): void {
    if (!holder) return;
    for (const { question, sentTo } of this.#open.values()) {
      if (sentTo.has(holder) || !holder.can(FEATURE_OF_QUESTION[question.type])) continue;
      sentTo.add(holder);
      holder.send(question);
    }
  }

  /** The open question of this id and type. Throws `question_gone` if there is none. */
  find<T extends Question["type"]>(id: string, type: T): QuestionOf<T> {
    const question = this.#open.get(id)?.question;
    if (!question || !isOf(question, type)) throw new AppError("question_gone", { field: "question_id" });
    return question;
  }

  /** It is answered, or nobody needs to answer any more: all who were asked are told so. */
  withdraw(id: string): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#open.delete(id);
    for (const viewer of open.sentTo) viewer.send({ type: "withdrawn", question_id: id });
  }

  withdrawAll(): void {
    for (const id of [...this.#open.keys()]) this.withdraw(id);
  }

  leave(viewer: Viewer): void {
    for (const { sentTo } of this.#open.values()) sentTo.delete(viewer);
  }
}

function isOf<T extends Question["type"]>(question: Question, type: T): question is QuestionOf<T> {
  return question.type === type;
}
