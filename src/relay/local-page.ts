/** The page on the bot's side, whichever way the bot drives its browser. */
import type { Command, DevToolsEvent } from "./filter.ts";

type Facts = Readonly<Record<string, unknown>>;
export type GoneReason = "page_closed" | "page_crashed" | "browser_lost";

/** [R29] What is needed to show a part of the page without the page noticing. */
export interface Crop {
  /** Device px per CSS px. */
  readonly density: number;
  readonly touch: boolean;
}

export interface LocalPage {
  readonly targetId: string;
  /** Null: only the whole page can be shown. */
  readonly crop: Crop | null;
  /** Sends a command that the filter has let through. Rejects with the browser's refusal. */
  send(command: Command): Promise<Facts>;
  /** Calls `listener` with each event: of the sessions that send() has opened, and of the browser's tabs. */
  onEvent(listener: (event: DevToolsEvent) => void): void;
  /** Lets go of the page, as it was found: what send() has begun ends. The next session may begin meanwhile. */
  reset(sessions: readonly string[]): void;
  /** Settles when the page is gone. */
  readonly gone: Promise<GoneReason>;
  /** Ends the connection, if it is ours. */
  close(): Promise<void>;
}

/** The events that a session of the page is listened to for. */
export const SESSION_EVENTS = [
  "Target.attachedToTarget",
  "Target.detachedFromTarget",
  "Page.screencastFrame",
  "Inspector.targetCrashed",
  "Page.javascriptDialogOpening",
  "Page.javascriptDialogClosed",
  "Input.dragIntercepted",
  "Network.requestWillBeSent",
  "Network.responseReceived",
  "Network.loadingFinished",
  "Network.loadingFailed",
  "Runtime.bindingCalled",
] as const;
