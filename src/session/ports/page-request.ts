/** What a page is opened with: an owned page by its URL, a guest page by its DevTools endpoint, or by its relay. */
import type { Size } from "../../protocol/common.ts";
import type { CdpTarget, Completion, CreateSession } from "../../protocol/rest.ts";

interface PageRequest {
  readonly session_id: string;
  /** What happens if the page crashes or its browser is lost; left out: the session ends. */
  readonly on_crash?: CreateSession["on_crash"];
  readonly completion: Completion | undefined;
  /** False: what is copied in the page reaches no operator. */
  readonly clipboard?: boolean | undefined;
}

export interface OwnedPageRequest
  extends PageRequest,
    Pick<
      CreateSession,
      | "locale"
      | "timezone"
      | "user_agent"
      | "extra_headers"
      | "http_credentials"
      | "storage_state"
      | "files"
      | "device"
      | "touch"
    > {
  readonly url: string;
  /**
   * The URL to open in place of `url`: where the page was before it crashed. Headers still go to the origin of `url`
   * only.
   */
  readonly at?: string | undefined;
  readonly viewport: Size;
  /** The port of its browser's proxy; left out: any free port. */
  readonly proxy_port?: number | undefined;
  /** Private destinations that the page may reach, as patterns of egress/destination.ts; already checked. */
  readonly url_allow?: readonly string[] | undefined;
}

export interface GuestPageRequest extends PageRequest {
  readonly cdp: CdpTarget;
  /** The allowed endpoints, in place of CDP_ALLOW; null: those of the server. */
  readonly cdp_allow?: readonly string[] | null;
}

/** [R28] A page that a bot lends over a relay. */
export interface RelayedPageRequest extends PageRequest {
  readonly relay: string;
  /** The id of the key that creates the session: the relay must be its own. */
  readonly owner: string | null;
}

export type OpenPageRequest = OwnedPageRequest | GuestPageRequest | RelayedPageRequest;
