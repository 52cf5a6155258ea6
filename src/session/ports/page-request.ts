/** What a page is opened with: an owned page by its URL, a guest page by its DevTools endpoint. */
import type { Size } from "../../protocol/common.ts";
import type { CdpTarget, Completion, CreateSession } from "../../protocol/rest.ts";

interface PageRequest {
  readonly session_id: string;
  /** What is to be done where the page crashes or its browser is lost; left out: the session ends. */
  readonly on_crash?: CreateSession["on_crash"];
  readonly completion: Completion | undefined;
}

export interface OwnedPageRequest
  extends PageRequest,
    Pick<CreateSession, "locale" | "timezone" | "user_agent" | "extra_headers" | "storage_state"> {
  readonly url: string;
  /** Where it is opened in its place: where it was before it crashed. Headers are for the origin of `url` all the same. */
  readonly at?: string | undefined;
  readonly viewport: Size;
  /** Where the proxy of its browser is to listen; left out: any free port. */
  readonly proxy_port?: number | undefined;
  /** Private places that it may reach, as patterns that egress/destination.ts reads; checked when they were given. */
  readonly url_allow?: readonly string[] | undefined;
}

export interface GuestPageRequest extends PageRequest {
  readonly cdp: CdpTarget;
  /** The endpoints that may be named, in place of CDP_ALLOW; null: as the server has it. */
  readonly cdp_allow?: readonly string[] | null;
}

export type OpenPageRequest = OwnedPageRequest | GuestPageRequest;
