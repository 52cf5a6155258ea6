/**
 * [W51] Sound clips that the challenge's frames load: taken over DevTools, so that the person in control hears them on
 * their own machine. The server needs no sound of its own.
 */
import { randomBytes } from "node:crypto";
import type { Notice, PageEvents, Sound } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { EventSession, ResponseReceived } from "../tabs/tab-sessions.ts";

const MAX_BYTES = 5 * 1024 * 1024;
const MAX_CLIPS = 5;
/** Responses that have begun: a page may begin them without end. */
const MAX_UNDER_WAY = 100;
const CALL_DEADLINE_MS = 3_000;
const ID_BYTES = 9;

interface Clip extends Sound {
  readonly id: string;
  readonly frameId: string | undefined;
  readonly at: number;
  isOffered: boolean;
}

export interface SoundClipsDeps {
  readonly events: Pick<PageEvents, "offer">;
  readonly notice: (notice: Notice) => void;
  /** Whether this frame shows the challenge or is inside of it; any frame while there is none. */
  readonly isOfChallenge: (frameId: string | undefined) => boolean;
}

export class SoundClips {
  readonly #deps: SoundClipsDeps;
  /** Newest last. */
  #clips: readonly Clip[] = [];

  constructor(deps: SoundClipsDeps) {
    this.#deps = deps;
  }

  /** Takes the sounds that this session's frames load; its Network domain is enabled elsewhere. */
  follow(session: EventSession): void {
    const underWay = new Map<string, ResponseReceived>();
    session.on("Network.responseReceived", (event: ResponseReceived) => {
      if (!isSound(event)) return;
      const [oldest] = underWay.keys();
      if (underWay.size >= MAX_UNDER_WAY && oldest !== undefined) underWay.delete(oldest);
      underWay.set(event.requestId, event);
    });
    session.on("Network.loadingFinished", ({ requestId }) => {
      const event = underWay.get(requestId);
      if (underWay.delete(requestId) && event) void this.#take(session, event);
    });
    session.on("Network.loadingFailed", ({ requestId }) => {
      const event = underWay.get(requestId);
      if (underWay.delete(requestId) && event) this.#tell(event);
    });
  }

  /** The challenge may be another one: offers what belongs to it now. */
  update(): void {
    for (const clip of this.#clips) this.#offer(clip);
  }

  find(id: string): Sound | null {
    return this.#clips.find((clip) => clip.id === id) ?? null;
  }

  async #take(session: EventSession, event: ResponseReceived): Promise<void> {
    const { requestId, frameId, response } = event;
    const reading = withDeadline(session.send("Network.getResponseBody", { requestId }), CALL_DEADLINE_MS, "sound");
    const body = await reading.catch(() => null);
    const bytes = body && Buffer.from(body.body, body.base64Encoded ? "base64" : "utf8");
    if (!bytes || bytes.length > MAX_BYTES || isPart(response, bytes.length)) {
      this.#tell(event);
      return;
    }
    // A script that makes a blob of the response leaves no body; the blob is seen when it is played.
    if (bytes.length === 0 || this.#clips.some((clip) => clip.bytes.equals(bytes))) return;
    const id = randomBytes(ID_BYTES).toString("base64url");
    const clip = { id, frameId, mime: response.mimeType, bytes, at: Date.now(), isOffered: false };
    this.#clips = [...this.#clips, clip].slice(-MAX_CLIPS);
    this.#offer(clip);
  }

  #offer(clip: Clip): void {
    if (clip.isOffered || !this.#deps.isOfChallenge(clip.frameId)) return;
    clip.isOffered = true;
    const { id, mime, bytes, at } = clip;
    this.#deps.events.offer({
      type: "sound",
      sound_id: id,
      mime: mime.slice(0, 100),
      bytes: bytes.length,
      at: new Date(at).toISOString(),
    });
  }

  /** The page plays something that cannot be offered: a stream, or too large. */
  #tell({ type, frameId, response }: ResponseReceived): void {
    if (type !== "Media" || !this.#deps.isOfChallenge(frameId)) return;
    this.#deps.notice({ type: "page_notice", notice: "sound_not_offered", url: response.url });
  }
}

/** A player takes sound of any type; what scripts load must say that it is sound. */
function isSound({ type, response: { mimeType } }: ResponseReceived): boolean {
  return type === "Media" ? !mimeType.startsWith("video/") : mimeType.startsWith("audio/");
}

/** Whether the body is less than the whole: a player may ask for ranges. */
function isPart({ status, headers }: ResponseReceived["response"], bytes: number): boolean {
  if (status !== 206) return false;
  const range = Object.entries(headers).find(([name]) => name.toLowerCase() === "content-range")?.[1];
  const whole = /\/(\d+)$/.exec(range ?? "")?.[1];
  return whole === undefined || Number(whole) !== bytes;
}
