/** A watcher of a session, in the server's process: what it is sent is kept, and each picture has arrived at once. */
import { decodeFrame } from "../../src/client/picture-frame.ts";
import { frameHeaderSchema } from "../../src/protocol/frame.ts";
import type { CaptchaRemoteController, Seat } from "../../src/session/controller.ts";
import type { ViewerForm, ViewerSocket } from "../../src/session/pictures/viewer.ts";
import type { ReceivedPicture } from "./live-client.ts";

export class Watcher implements ViewerSocket {
  /** Text messages, parsed. */
  readonly texts: Record<string, unknown>[] = [];
  /** In whatever form they came, those of a session_info too. */
  readonly pictures: ReceivedPicture[] = [];
  #seat: Seat | null = null;
  /** What came before the seat was there. */
  #earlySeq = 0;

  static async join(controller: CaptchaRemoteController, id: string, form: ViewerForm = "binary"): Promise<Watcher> {
    const watcher = new Watcher();
    const joined = controller.join(id, watcher, form, { role: "watch" });
    watcher.#seat = joined;
    await joined.welcomed;
    watcher.#arrived(watcher.#earlySeq);
    return watcher;
  }

  get seat(): Seat {
    if (!this.#seat) throw new Error("Not joined.");
    return this.#seat;
  }

  leave(): void {
    this.seat.session.operators.leave(this.seat.viewer);
  }

  sendText(text: string): void {
    const message = JSON.parse(text);
    this.texts.push(message);
    if (typeof message.screenshot !== "string") return;
    const { screenshot, seq, captured_at = 0, view, scale = 1, quality = 0, kind = "still" } = message;
    const jpeg = Buffer.from(screenshot, "base64");
    this.#keep({ seq, captured_at, view, scale, quality, kind, jpeg }, false);
  }

  sendBinary(data: Uint8Array): void {
    const frame = decodeFrame(Uint8Array.from(data).buffer);
    if (!frame) throw new Error("A binary message that is no picture.");
    const { type: _type, ...facts } = frameHeaderSchema.strict().parse(frame.header);
    this.#keep({ ...facts, jpeg: Buffer.from(frame.jpeg) }, true);
  }

  pingBehind(seq: number): void {
    // As a line does: later, never while it is being sent.
    setImmediate(() => {
      this.#earlySeq = Math.max(this.#earlySeq, seq);
      this.#arrived(seq);
    });
  }

  bufferedBytes(): number {
    return 0;
  }

  close(): void {}

  #arrived(seq: number): void {
    this.#seat?.session.operators.arrived(this.#seat.viewer, seq);
  }

  #keep(picture: Omit<ReceivedPicture, "isBinary" | "arrivedAt" | "after">, isBinary: boolean): void {
    this.pictures.push({ ...picture, isBinary, arrivedAt: Date.now(), after: this.texts.length });
  }
}
