/** The port to stored operator links. Tokens are not stored: they are made from the links. */
import type { Role } from "../protocol/common.ts";

/** A stored operator link. Times are ms since 1970. */
export interface Link {
  readonly id: string;
  /** The uid of its session, because a session_id may be used again. */
  readonly uid: string;
  readonly role: Role;
  readonly created_at: number;
  readonly expires_at: number;
}

/** A link lives until it expires or is revoked. All writes survive a power cut: a revoked link stays revoked. */
export interface LinkStore {
  /**
   * Adds a link at the time of its creation. Returns false and adds nothing if `most` links of its session live or were
   * made after `since` (ms since 1970).
   */
  add(link: Link, bound: { readonly most: number; readonly since: number }): boolean;
  /** The oldest link of a session among those with the role `control` that live at this time. */
  firstToControl(uid: string, now: number): Link | undefined;
  /** The link with this id if it lives at this time. */
  living(id: string, now: number): Link | undefined;
  /** Revokes a link of this session; false if there is none, or it was revoked before. */
  revoke(uid: string, id: string, at: number): boolean;
  /** Revokes all links of all sessions. */
  revokeAll(at: number): void;
}
