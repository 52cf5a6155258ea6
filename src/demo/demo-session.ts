/** The demo session of `npm start`: it has a fixed id, and is opened at the start and whenever a new one is asked for. */
import { createSessionSchema, type SessionAnswer } from "../protocol/rest.ts";
import type { CaptchaRemoteController } from "../session/controller.ts";
import { DEMOS } from "./demos.ts";

export const DEMO_SESSION_ID = "demo";
const DEMO_KIND = "jigsaw";

export class DemoSession {
  readonly #controller: CaptchaRemoteController;
  readonly #timeoutSeconds: number;
  readonly #demoOrigin: () => string | undefined;
  readonly #onCreated: (sessionId: string) => void;
  #opening: Promise<SessionAnswer> | null = null;
  #tried = false;

  constructor(
    controller: CaptchaRemoteController,
    options: {
      readonly timeoutSeconds: number;
      readonly demoOrigin: () => string | undefined;
      readonly onCreated: (sessionId: string) => void;
    },
  ) {
    this.#controller = controller;
    this.#timeoutSeconds = options.timeoutSeconds;
    this.#demoOrigin = options.demoOrigin;
    this.#onCreated = options.onCreated;
  }

  /** Whether the session was opened once, or could not be: from then on its id is listed, living or ended. */
  get tried(): boolean {
    return this.#tried;
  }

  /** The uid of the newest demo session. */
  get uid(): string | undefined {
    return this.#controller.subject(DEMO_SESSION_ID)?.uid;
  }

  /** The living demo session, or a new one. Throws what CaptchaRemoteController.create throws. */
  async open(): Promise<SessionAnswer> {
    const living = await this.#controller.living(DEMO_SESSION_ID);
    // An earlier server may have opened it, and this one may have resumed it.
    this.#tried ||= living !== undefined;
    if (living) return living;
    this.#opening ??= this.#create().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #create(): Promise<SessionAnswer> {
    const demo = DEMOS.find(({ kind }) => kind === DEMO_KIND);
    const body = createSessionSchema.parse({
      session_id: DEMO_SESSION_ID,
      url: `${this.#demoOrigin()}${demo?.path}`,
      label: `Demo: ${demo?.title}`,
      instructions: demo?.instructions,
      timeout_seconds: this.#timeoutSeconds,
    });
    try {
      return await this.#controller.create(body, { onCreated: this.#onCreated });
    } finally {
      this.#tried = true;
    }
  }
}
