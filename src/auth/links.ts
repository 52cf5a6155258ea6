/** Operator links: who has one may open one session, until it expires or is revoked. */
import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { jwtVerify, SignJWT } from "jose";
import { AppError } from "../errors.ts";
import type { LinkCaller, Role } from "./caller.ts";
import type { KeyRing } from "./key-ring.ts";

const ALGORITHM = "HS256";
/** Says what the token is for: one of another use of the same secret would not pass. */
const TYPE = "captcha-link+jwt";
const ID_BYTES = 9;
/** Of one session: those that live, and those that were made a moment ago. */
const MAX_LINKS = 100;
const WINDOW_MS = 60_000;
/** A token has about 350 characters. */
const MAX_TOKEN_LENGTH = 2_048;

export interface Link {
  readonly id: string;
  readonly uid: string;
  readonly role: Role;
  /** ms since 1970 */
  readonly created_at: number;
  readonly expires_at: number;
}

/** The session of a link; `uid` is the one that counts, as an id may be used again. */
export interface LinkedSession {
  readonly uid: string;
  readonly session_id: string;
}

export class Links {
  readonly #db: DatabaseSync;
  readonly #ring: KeyRing;
  /** Told at once when a link is revoked. */
  readonly #watchers = new Map<string, Set<() => void>>();

  constructor(db: DatabaseSync, ring: KeyRing) {
    this.#db = db;
    this.#ring = ring;
  }

  /** Makes a link. Throws rate_limited where the session has too many that live. */
  create(uid: string, role: Role, expiresAt: number, most = MAX_LINKS): Link {
    const now = Date.now();
    const counted = this.#db
      .prepare(
        `SELECT count(*) AS n FROM operator_links
         WHERE uid = ? AND (created_at > ? OR (revoked_at IS NULL AND expires_at > ?))`,
      )
      .get(uid, now - WINDOW_MS, now);
    if (Number(counted?.["n"]) >= most) {
      const why = `at most ${most} links a session that live or were made within a minute`;
      throw new AppError("rate_limited", { field: "links", why });
    }
    const link = { id: randomBytes(ID_BYTES).toString("base64url"), uid, role, created_at: now, expires_at: expiresAt };
    this.#db
      .prepare("INSERT INTO operator_links (id, uid, role, created_at, expires_at) VALUES (?, ?, ?, ?, ?)")
      .run(link.id, uid, role, now, expiresAt);
    return link;
  }

  /** The oldest link of a session that still opens it to act in it: the one that its creation answered. */
  firstOf(uid: string): Link | undefined {
    const row = this.#db
      .prepare(
        `SELECT * FROM operator_links WHERE uid = ? AND role = 'control' AND revoked_at IS NULL AND expires_at > ?
         ORDER BY created_at, rowid LIMIT 1`,
      )
      .get(uid, Date.now());
    return row && linkOf(row);
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
    const link = verified?.payload.jti === undefined ? undefined : this.#living(verified.payload.jti);
    if (!link || link.uid !== verified?.payload.sub || link.role !== verified.payload["role"]) return null;
    return { kind: "link", id: link.id, uid: link.uid, role: link.role, expires_at: link.expires_at };
  }

  /** Revokes a link of this session and cuts off who came by it. Throws link_not_found. */
  revoke(uid: string, id: string): void {
    const { changes } = this.#db
      .prepare("UPDATE operator_links SET revoked_at = ? WHERE id = ? AND uid = ? AND revoked_at IS NULL")
      .run(Date.now(), id, uid);
    if (Number(changes) === 0) throw new AppError("link_not_found", { link_id: id });
    for (const tell of [...(this.#watchers.get(id) ?? [])]) tell();
  }

  /** Revokes all there are, of all sessions. */
  revokeAll(): void {
    this.#db.prepare("UPDATE operator_links SET revoked_at = ? WHERE revoked_at IS NULL").run(Date.now());
    for (const watchers of [...this.#watchers.values()]) for (const tell of [...watchers]) tell();
  }

  isLiving(id: string): boolean {
    return this.#living(id) !== undefined;
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

  #living(id: string): Link | undefined {
    const row = this.#db
      .prepare("SELECT * FROM operator_links WHERE id = ? AND revoked_at IS NULL AND expires_at > ?")
      .get(id, Date.now());
    return row && linkOf(row);
  }
}

function linkOf(row: Record<string, unknown>): Link {
  return {
    id: String(row["id"]),
    uid: String(row["uid"]),
    role: row["role"] as Role,
    created_at: Number(row["created_at"]),
    expires_at: Number(row["expires_at"]),
  };
}
