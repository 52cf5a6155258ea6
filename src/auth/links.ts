/** Operator links: who has one may open one session, until it expires or is revoked. */
import { randomBytes } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { AppError } from "../errors.ts";
import type { Role } from "../protocol/common.ts";
import type { LinkCaller } from "./caller.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Link, LinkStore } from "./link-store.ts";

const ALGORITHM = "HS256";
/** Says what the token is for: one of another use of the same secret would not pass. */
const TYPE = "captcha-link+jwt";
const ID_BYTES = 9;
/** Of one session: those that live, and those that were made a moment ago. */
const MAX_LINKS = 100;
const WINDOW_MS = 60_000;
/** A token has about 350 characters. */
const MAX_TOKEN_LENGTH = 2_048;

/** The session of a link; `uid` is the one that counts, as an id may be used again. */
export interface LinkedSession {
  readonly uid: string;
  readonly session_id: string;
}

export class Links {
  readonly #store: LinkStore;
  readonly #ring: KeyRing;
  /** Told at once when a link is revoked. */
  readonly #watchers = new Map<string, Set<() => void>>();

  constructor(store: LinkStore, ring: KeyRing) {
    this.#store = store;
    this.#ring = ring;
  }

  /** Makes a link. Throws rate_limited where the session has too many that live. */
  create(uid: string, role: Role, expiresAt: number, most = MAX_LINKS): Link {
    const now = Date.now();
    const link = { id: randomBytes(ID_BYTES).toString("base64url"), uid, role, created_at: now, expires_at: expiresAt };
    if (this.#store.add(link, { most, since: now - WINDOW_MS })) return link;
    const why = `at most ${most} links a session that live or were made within a minute`;
    throw new AppError("rate_limited", { field: "links", why });
  }

  /** The oldest link of a session that still opens it to act in it: the one that its creation answered. */
  firstOf(uid: string): Link | undefined {
    return this.#store.firstToControl(uid, Date.now());
  }

  /** The token of a link: a JWT with session, role, expiry and id. The same link gives the same token. */
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
   * Whose token this is; null for one that was forged, has expired or was revoked. What it may do is read from the
   * database, not from the token: the signature only says that the token is one of ours.
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

  /** Revokes a link of this session and cuts off who came by it. Throws link_not_found. */
  revoke(uid: string, id: string): void {
    if (!this.#store.revoke(uid, id, Date.now())) throw new AppError("link_not_found", { link_id: id });
    for (const tell of [...(this.#watchers.get(id) ?? [])]) tell();
  }

  /** Revokes all there are, of all sessions. */
  revokeAll(): void {
    this.#store.revokeAll(Date.now());
    for (const watchers of [...this.#watchers.values()]) for (const tell of [...watchers]) tell();
  }

  isLiving(id: string): boolean {
    return this.#store.living(id, Date.now()) !== undefined;
  }

  /** Calls `tell` once the link is revoked; answers what takes that back. */
  watch(id: string, tell: () => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(tell));
    return () => {
      watchers.delete(tell);
      if (watchers.size === 0) this.#watchers.delete(id);
    };
  }
}
