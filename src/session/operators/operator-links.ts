/** The operator links of sessions [R13], and the tickets that they are exchanged for [R16]. */
import type { z } from "zod";
import type { Caller } from "../../auth/caller.ts";
import type { Link } from "../../auth/link-store.ts";
import type { LinkedSession, Links } from "../../auth/links.ts";
import type { Tickets } from "../../auth/tickets.ts";
import type { Config } from "../../config.ts";
import type { LinkAnswer, linkBodySchema, TicketAnswer } from "../../protocol/links.ts";
import type { PublicUrls } from "../ports/public-urls.ts";
import type { SessionRecord } from "../ports/store.ts";

export interface OperatorLinksDeps {
  readonly links: Links;
  readonly tickets: Tickets;
  /** False with AUTH=off: the URL of the console alone is enough. */
  readonly areNeeded: boolean;
  readonly urls: Pick<PublicUrls, "control">;
}

/** A link's lifetime if the request has none, and the most links of a session, this one included. */
export interface LinkBounds {
  readonly seconds: number;
  readonly most?: number;
}

type Longest = Pick<Config, "maxTimeoutSeconds" | "retentionSeconds">;

export class OperatorLinks {
  readonly #deps: OperatorLinksDeps;

  constructor(deps: OperatorLinksDeps) {
    this.#deps = deps;
  }

  /** Makes the link of `control_url`: it holds as long as the session is stored, its end included. */
  makeFirst({ uid, created_at }: SessionRecord, longest: Longest): void {
    if (!this.#deps.areNeeded) return;
    this.#deps.links.create(
      uid,
      "control",
      created_at + (longest.maxTimeoutSeconds + longest.retentionSeconds) * 1_000,
    );
  }

  /** The `control_url` of a session, with the token of its first link while that link holds. */
  async controlUrl(session: LinkedSession): Promise<string> {
    const link = this.#deps.areNeeded ? this.#deps.links.firstOf(session.uid) : undefined;
    return link ? this.#urlOf(link, session) : this.#deps.urls.control(session.session_id);
  }

  /** [R13] Makes another link. Throws rate_limited if the session has too many. */
  async make(
    record: SessionRecord,
    body: Pick<z.output<typeof linkBodySchema>, "role" | "ttl_seconds">,
    { seconds, most }: LinkBounds,
  ): Promise<LinkAnswer> {
    const expiresAt = Date.now() + (body.ttl_seconds ?? seconds) * 1_000;
    const link = this.#deps.links.create(record.uid, body.role, expiresAt, most);
    const expires_at = new Date(link.expires_at).toISOString();
    const url = await this.#urlOf(link, record);
    return { link_id: link.id, url, role: link.role, expires_at };
  }

  /** [R13] Revokes a link of this session. Throws link_not_found. */
  revoke({ uid }: SessionRecord, linkId: string): void {
    this.#deps.links.revoke(uid, linkId);
  }

  /** [R16] Issues a ticket with the caller's rights to this session. */
  ticket({ uid }: SessionRecord, caller: Caller): TicketAnswer {
    const { ticket, expires_at } = this.#deps.tickets.issue(caller, uid);
    return { ticket, expires_at: new Date(expires_at).toISOString() };
  }

  async #urlOf(link: Link, session: LinkedSession): Promise<string> {
    return this.#deps.urls.control(session.session_id, await this.#deps.links.tokenOf(link, session));
  }
}
