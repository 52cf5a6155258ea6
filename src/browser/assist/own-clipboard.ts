/**
 * [W49] Reads the clipboard of a browser of our own: what a page has put there by a script. That is pasted into a tab of a
 * context of its own, which no page of the session sees and which is gone afterwards. No page gets a permission to read.
 */
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpConnection } from "../cdp/connection.ts";

const DEADLINE_MS = 3_000;
const PASTE = {
  type: "rawKeyDown",
  key: "v",
  code: "KeyV",
  windowsVirtualKeyCode: 86,
  modifiers: 2,
  commands: ["paste"],
} as const;

export class OwnClipboard {
  readonly #connection: CdpConnection;
  /** The contexts of its tabs: their tabs are no windows of the session. */
  readonly #contexts = new Set<string>();

  constructor(connection: CdpConnection) {
    this.#connection = connection;
  }

  isOwn(browserContextId: string | undefined): boolean {
    return browserContextId !== undefined && this.#contexts.has(browserContextId);
  }

  /** The text on the clipboard, cut after `most` characters; empty: there is none. Rejects when the browser does not answer. */
  read(most: number): Promise<string> {
    return withDeadline(this.#read(most), DEADLINE_MS, "clipboard");
  }

  async #read(most: number): Promise<string> {
    const connection = this.#connection;
    // It goes with the connection, too: no later server finds its tab.
    const { browserContextId } = await connection.send("Target.createBrowserContext", { disposeOnDetach: true });
    this.#contexts.add(browserContextId);
    try {
      const tab = { url: "about:blank", browserContextId, background: true };
      const { targetId } = await connection.send("Target.createTarget", tab);
      const session = await connection.attach(targetId);
      // Only a page that has the focus pastes.
      await session.send("Emulation.setFocusEmulationEnabled", { enabled: true });
      await session.send("Runtime.evaluate", { expression: `(${makeField})()` });
      await session.send("Input.dispatchKeyEvent", { ...PASTE, commands: [...PASTE.commands] });
      const reading = { expression: `(${pasted})(${most})`, returnByValue: true };
      const { result } = await session.send("Runtime.evaluate", reading);
      return typeof result.value === "string" ? result.value : "";
    } finally {
      await connection.send("Target.disposeBrowserContext", { browserContextId }).catch(() => {});
      this.#contexts.delete(browserContextId);
    }
  }
}

/** Runs in the tab, sent as text. */
function makeField(): void {
  document.body.append(document.createElement("textarea"));
  document.querySelector("textarea")?.focus();
}

/** Runs in the tab, sent as text. */
function pasted(most: number): string {
  return document.querySelector("textarea")?.value.slice(0, most) ?? "";
}
