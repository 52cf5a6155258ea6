/** What a page with a challenge is made of: the same for ours, for guests and for pages that are handed over. */
import type { Logger } from "pino";
import type { ChallengeKind } from "../../config.ts";
import type { Size } from "../../protocol/common.ts";
import type { Completion, StorageState } from "../../protocol/rest.ts";
import type { PageEvents } from "../../session/ports/page.ts";
import type { PageLocator } from "../../session/ports/resume-state.ts";
import type { Asked } from "../cdp/connection.ts";
import type { PictureCapture } from "../pictures/capture-region.ts";
import type { Tab } from "../tabs/tab.ts";

export interface RemotePageParts {
  readonly tab: Tab;
  readonly crop: PictureCapture;
  readonly viewport: Size;
  readonly kinds: readonly ChallengeKind[];
  readonly completion: Completion | undefined;
  readonly events: PageEvents;
  readonly log: Logger;
  /** A page of ours has nobody else who could scroll to the challenge for a client that cannot. */
  readonly isOurs: boolean;
  /** Of the proxy that its browser goes through; null for a page that is not ours. */
  readonly proxyPort: number | null;
  /** Where the next server finds it; null for a page that goes with this process. */
  readonly place: PageLocator | null;
  /** The browser of a page whose dialogs are not ours to answer; null: they are. */
  readonly dialogsOf: Asked | null;
  /** Null where the cookies are not ours to hand on. */
  readonly storageState: () => Promise<StorageState | null>;
  /** Gives back, or ends, what the page lives in; `leave`: nothing is ended. */
  readonly release: (how: "end" | "leave") => Promise<void>;
}
