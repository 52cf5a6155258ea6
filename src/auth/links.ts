/** Operator links: a link opens one session to its holder until it expires or is revoked. */
import { randomBytes } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { AppError } from "../errors.ts";
import type { Role } from "../protocol/common.ts";
import type { LinkCaller } from "./caller.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Link, LinkStore } from "./link-store.ts";

const ALGORITHM = "HS256";
/** The use of the token: a token for another use of the same secret is refused. */
const TYPE = "captcha-link+jwt";
const ID_BYTES = 9;
/** The most links of one session: those that live, and those made within the window. */
const MAX_LINKS = 100;
const WINDOW_MS = 60_000;
/** A token has about 350 characters. */
const MAX_TOKEN_LENGTH = 2_048;

/** The session of a link; `uid` identifies it, because a session_id may be used again. */
export interface LinkedSession {
  readonly uid: string;
  readonly session_id: string;
}

export class Links {
  readonly #store: LinkStore;
  readonly #ring: KeyRing;
  /** Callbacks by link id, called at once when the link is revoked here. */
  readonly #watchers = new Map<string, Set<() => void>>();

  constructor(store: LinkStore, ring: KeyRing) {
    this.#store = store;
    this.#ring = ring;
  }

  /** Makes a link; `expiresAt` is ms since 1970. Throws rate_limited if the session has too many links. */
  create(uid: string, role: Role, expiresAt: number, most = MAX_LINKS): Link {
    const now = Date.now();
    const link = { id: randomBytes(ID_BYTES).toString("base64url"), uid, role, created_at: now, expires_at: expiresAt };
    if (this.#store.add(link, { most, since: now - WINDOW_MS })) return link;
    const why = `at most ${most} links a session that live or were made within a minute`;
    throw new AppError("rate_limited", { field: "links", why });
  }

  /** The oldest living link of a session with the role `control`: usually the one of its `control_url`. */
  firstOf(uid: string): Link | undefined {
    return this.#store.firstToControl(uid, Date.now());
  }

  /** The token of a link: a JWT with session, role, expiry and id. A link always gives the same token. */
  async tokenOf(link: Link, session: LinkedSession): Promise<string> {
    const { kid, secret } = this.#ring.current;
    return new SignJWT({ sid: session.session_id, role: link.role })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid })
      .setSubject(link.uid)
      .setJti(link.id)
      .setIssuedAt(Math.floor(link.created_at / 1_000))
      .setExpirationTime(Math.ceil(link.expires_at / 1_000))
      .sign(secret);
  }

  /**
   * The caller with this token; null if the token is forged, expired or revoked. Its rights are read from the database,
   * not from the token: the signature only proves that this server issued it.
   */
  async find(token: string): Promise<LinkCaller | null> {
    if (token.length > MAX_TOKEN_LENGTH) return null;
    const secretOf = ({ kid = "" }: { kid?: string }) => {
      const key = this.#ring.find(kid);
      if (!key) throw new Error("signed by no key of the ring");
      return key.secret;
    };
    const verified = await jwtVerify(token, secretOf, { algorithms: [ALGORITHM], typ: TYPE }).catch(() => null);
    const id = verified?.payload.jti;
    const link = id === undefined ? undefined : this.#store.living(id, Date.now());
    if (!link || link.uid !== verified?.payload.sub || link.role !== verified.payload["role"]) return null;
    return { kind: "link", id: link.id, uid: link.uid, role: link.role, expires_at: link.expires_at };
  }

  /** Revokes a link of this session and cuts off the connections it opened. Throws link_not_found. */
  revoke(uid: string, id: string): void {
    if (!this.#store.revoke(uid, id, Date.now())) throw new AppError("link_not_found", { link_id: id });
    for (const callback of [...(this.#watchers.get(id) ?? [])]) callback();
  }

  /** Revokes all links of all sessions, and cuts off their connections. */
  revokeAll(): void {
    this.#store.revokeAll(Date.now());
    for (const watchers of [...this.#watchers.values()]) for (const callback of [...watchers]) callback();
  }

  isLiving(id: string): boolean {
    return this.#store.living(id, Date.now()) !== undefined;
  }

  /** Calls `onRevoked` when the link is revoked here; returns a function that stops watching. */
  watch(id: string, onRevoked: () => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(onRevoked));
    return () => {
      watchers.delete(onRevoked);
      if (watchers.size === 0) this.#watchers.delete(id);
    };
  }
}
