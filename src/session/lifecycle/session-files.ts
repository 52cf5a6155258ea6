/** [W48] The files that operators give to the page of one session. */
import { AppError } from "../../errors.ts";
import { type FileFacts, isAccepted } from "../../protocol/files.ts";
import type { ClientMessageOf } from "../../protocol/live.ts";
import type { Operators } from "../operators/operators.ts";
import type { Viewer } from "../pictures/viewer.ts";
import type { UploadedFile, Uploads } from "../ports/uploads.ts";

interface SessionFilesDeps {
  readonly uid: string;
  readonly uploads: Uploads;
  readonly operators: Pick<Operators, "question" | "answer">;
  /** Aborts at the end of the session. */
  readonly over: AbortSignal;
}

/** What was given, for the audit trail. */
export interface GivenFiles {
  readonly files: number;
  readonly bytes: number;
}

export class SessionFiles {
  readonly #deps: SessionFilesDeps;
  /** The ids of the files that were uploaded for each open question. */
  readonly #uploaded = new Map<string, string[]>();

  constructor(deps: SessionFilesDeps) {
    this.#deps = deps;
  }

  /**
   * [R25] Stores a file for an open question of the page. Rejects with AppError question_gone, file_not_accepted (the
   * type), and as Uploads.receive() does.
   */
  async receive(
    questionId: string,
    facts: FileFacts,
    source: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<UploadedFile> {
    const { operators, uploads, uid, over } = this.#deps;
    const { accept } = operators.question(questionId, "ask_files");
    if (!isAccepted(accept, facts)) throw new AppError("file_not_accepted", { why: "type", accept });
    const file = await uploads.receive(uid, facts.name, source, AbortSignal.any([signal, over]));
    this.#uploaded.set(questionId, [...(this.#uploaded.get(questionId) ?? []), file.id]);
    return file;
  }

  /**
   * Gives uploaded files to the page, or none. Rejects with AppError invalid_message (no such file), file_not_accepted
   * (the number), and as Operators.answer() does.
   */
  async answer(viewer: Viewer, answer: ClientMessageOf<"answer_files">): Promise<GivenFiles> {
    const { operators, uploads, uid } = this.#deps;
    const { type, question_id } = answer;
    const files = answer.files.map((id) => {
      const file = uploads.find(uid, id);
      if (!file) throw new AppError("invalid_message", { field: "files", why: "there is no such file" });
      return file;
    });
    const { multiple } = operators.question(question_id, "ask_files");
    if (files.length > 1 && !multiple) throw new AppError("file_not_accepted", { why: "number", max: 1 });
    await operators.answer(viewer, { type, question_id, files });
    const unused = (this.#uploaded.get(question_id) ?? []).filter((id) => !answer.files.includes(id));
    this.#uploaded.delete(question_id);
    await Promise.all(unused.map((id) => uploads.discard(uid, id)));
    return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  remove(): Promise<void> {
    return this.#deps.uploads.remove(this.#deps.uid);
  }
}
