/** A reader of server-sent events by fetch: every field as it came. */

import { type SessionEvent, type SessionEventOf, sessionEventSchema } from "../../src/protocol/events.ts";
import { streamedEventSchema } from "../../src/protocol/feed.ts";
import { expect } from "./fixtures.ts";
import { fetchAsBot } from "./key.ts";

export interface StreamedEvent {
  readonly id: number;
  readonly type: string;
  readonly event: SessionEvent;
  /** What came in `data`, of whatever type. */
  readonly data: { readonly id?: string; readonly topics?: readonly string[]; readonly complete?: boolean };
  /** ms since 1970. */
  readonly at: number;
}

export class EventStream {
  readonly response: Response;
  readonly events: StreamedEvent[] = [];
  comments = 0;
  /** Resolves when the server has ended the stream; rejects when it was cut. */
  readonly ended: Promise<void>;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    this.ended = this.#read();
    this.ended.catch(() => {});
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const abort = new AbortController();
    return new EventStream(await fetchAsBot(url, { headers, signal: abort.signal }), abort);
  }

  types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** Waits for an event of this type. */
  async next<Type extends SessionEvent["type"]>(type: Type): Promise<SessionEventOf<Type>> {
    await expect.poll(() => this.types()).toContain(type);
    return this.events.find((streamed) => streamed.type === type)?.event as SessionEventOf<Type>;
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    let text = "";
    for await (const chunk of this.response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (text + chunk).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    }
    expect(text, "a stream ends between two events").toBe("");
  }

  #take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => [line.split(":")[0], line.slice(line.indexOf(":") + 1).trim()]),
    );
    if (fields.has("")) this.comments += 1;
    const data = fields.get("data");
    if (data === undefined) return;
    const value = JSON.parse(data);
    const type = fields.get("event") ?? "";
    // Strict: nothing is told that the schema does not name.
    const schema = "topics" in value ? streamedEventSchema : sessionEventSchema;
    if (type !== "resumed") expect(schema.parse(value)).toEqual(value);
    this.events.push({ id: Number(fields.get("id")), type, event: value, data: value, at: Date.now() });
  }
}
