/** What creation is asked for beside the body that a bot sends. */
import type { Caller } from "../auth/caller.ts";
import type { OpenPage } from "./ports/page.ts";

export interface CreateOptions {
  /** Whose session it will be; left out: nobody's. */
  readonly caller?: Caller;
  /** Answer at once, in `starting`. */
  readonly respondAsync?: boolean;
  /** Where the asker's own trace is: a W3C `traceparent`. */
  readonly traceparent?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** In place of the usual way: for a page that is in hand already. */
  readonly openPage?: OpenPage;
  /** Aborted at any time, it ends the session as DELETE does. */
  readonly signal?: AbortSignal;
  /** The session has begun; a repeat with the same Idempotency-Key begins none. */
  readonly onCreated?: (sessionId: string) => void;
}
