/** The operator links of sessions [R13], the tickets that they are exchanged for [R16], and what agents hand on [M5]. */
import type { z } from "zod";
import type { Caller } from "../../auth/caller.ts";
import type { Codes } from "../../auth/codes.ts";
import type { Link } from "../../auth/link-store.ts";
import type { LinkedSession, Links } from "../../auth/links.ts";
import type { Tickets } from "../../auth/tickets.ts";
import type { Config } from "../../config.ts";
import { AppError } from "../../errors.ts";
import type { Invitation, InvitationWay } from "../../protocol/invitations.ts";
import type { LinkAnswer, linkBodySchema, TicketAnswer } from "../../protocol/links.ts";
import type { PublicUrls } from "../ports/public-urls.ts";
import type { SessionRecord } from "../ports/store.ts";

export interface OperatorLinksDeps {
  readonly links: Links;
  readonly tickets: Tickets;
  readonly codes: Codes;
  /** MCP_CODES: whether an agent may get what opens a session by itself. */
  readonly agentsGetCodes: boolean;
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

  /** [M5] What an agent gives to its person. Without MCP_CODES, and after too many wrong codes, it opens nothing itself. */
  async invite(session: LinkedSession, way: InvitationWay): Promise<Invitation> {
    const url = this.#deps.urls.control(session.session_id);
    if (!this.#deps.areNeeded) return { url, opens: "by_itself", code: null, expires_at: null };
    if (this.#deps.agentsGetCodes && way === "link") {
      const link = this.#deps.links.firstOf(session.uid);
      if (link) return { url: await this.#urlOf(link, session), opens: "by_itself", code: null, expires_at: null };
    }
    const issued = this.#deps.agentsGetCodes ? this.#deps.codes.issue(session.uid) : null;
    if (!issued) return { url, opens: "key", code: null, expires_at: null };
    return { url, opens: "code", code: issued.code, expires_at: new Date(issued.expires_at).toISOString() };
  }

  /**
   * [M6] Exchanges a code for a link. Null: the code is not valid; `isCounted` says whether that spends one of the
   * session's tries. Throws rate_limited after too many wrong ones, and as make() does.
   */
  async redeem(
    record: SessionRecord,
    code: string,
    seconds: number,
  ): Promise<{ readonly link: LinkAnswer } | { readonly link: null; readonly isCounted: boolean }> {
    const redemption = this.#deps.codes.redeem(record.uid, code);
    if (redemption === "spent") throw new AppError("rate_limited", { limit: "wrong_codes" });
    if (redemption !== "right") return { link: null, isCounted: redemption === "wrong" };
    return { link: await this.make(record, { role: "control" }, { seconds }) };
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
