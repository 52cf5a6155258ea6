/** The CDP sessions of a page, its own first and then one for each frame in another process, for what listens to them. */
import type { CdpSender } from "../cdp/connection.ts";

export interface FileChooserOpened {
  readonly frameId: string;
  readonly mode: string;
  /** Left out where a script opened the chooser without a field (File System Access). */
  readonly backendNodeId?: number;
}

export interface ResponseReceived {
  readonly requestId: string;
  readonly frameId?: string;
  readonly type: string;
  readonly response: {
    readonly url: string;
    readonly status: number;
    readonly mimeType: string;
    readonly headers: Readonly<Record<string, string>>;
  };
}

/** A value of the page, as far as it is looked at. */
export interface PageValue {
  readonly className?: string;
  /** Of an error its name and message, with the stack behind them. */
  readonly description?: string;
  readonly value?: unknown;
}

export interface ExceptionThrown {
  readonly exceptionDetails: { readonly exception?: PageValue };
}

export interface ConsoleApiCalled {
  readonly args: readonly PageValue[];
}

/** A function that a world was given (Runtime.addBinding) was called. */
export interface BindingCalled {
  readonly name: string;
  readonly payload: string;
}

export interface FrameNavigated {
  readonly frame: { readonly id: string; readonly url: string };
}

/** A session that passes on events: one of ours, or of Playwright's. */
export interface EventSession extends CdpSender {
  on(event: "Page.fileChooserOpened", listener: (event: FileChooserOpened) => void): unknown;
  on(event: "Page.frameNavigated", listener: (event: FrameNavigated) => void): unknown;
  on(event: "Page.frameDetached", listener: (event: { readonly frameId: string }) => void): unknown;
  on(event: "Network.responseReceived", listener: (event: ResponseReceived) => void): unknown;
  on(event: "Network.loadingFinished", listener: (event: { readonly requestId: string }) => void): unknown;
  on(event: "Network.loadingFailed", listener: (event: { readonly requestId: string }) => void): unknown;
  on(event: "Runtime.exceptionThrown", listener: (event: ExceptionThrown) => void): unknown;
  on(event: "Runtime.consoleAPICalled", listener: (event: ConsoleApiCalled) => void): unknown;
  on(event: "Runtime.bindingCalled", listener: (event: BindingCalled) => void): unknown;
}

export class TabSessions {
  readonly #sessions = new Set<EventSession>();
  readonly #followers: ((session: EventSession) => void)[] = [];

  add(session: EventSession): void {
    this.#sessions.add(session);
    for (const follower of this.#followers) follower(session);
  }

  /** Its target is gone. */
  forget(session: EventSession): void {
    this.#sessions.delete(session);
  }

  /** Calls `follower` with each session that there is, and with each that comes. */
  follow(follower: (session: EventSession) => void): void {
    this.#followers.push(follower);
    for (const session of this.#sessions) follower(session);
  }
}
