/** The port to the operator links that are kept: never their tokens, which are made from them. */
import type { Role } from "../protocol/common.ts";

/** Times are ms since 1970. */
export interface Link {
  readonly id: string;
  /** Of its session: a session_id may be used again. */
  readonly uid: string;
  readonly role: Role;
  readonly created_at: number;
  readonly expires_at: number;
}

/** A link lives until it expires or is revoked. What is written survives a power cut: one that was revoked stays so. */
export interface LinkStore {
  /**
   * Adds a link at the time of its creation; false, and nothing is added, where `most` links of its session live or were
   * made after `since`.
   */
  add(link: Link, bound: { readonly most: number; readonly since: number }): boolean;
  /** The link of a session that was made first among those that let an operator act in it at this time. */
  firstToControl(uid: string, now: number): Link | undefined;
  /** The link with this id, where it lives at this time. */
  living(id: string, now: number): Link | undefined;
  /** Revokes a link of this session; false where there is none that is not revoked. */
  revoke(uid: string, id: string, at: number): boolean;
  /** Revokes all links of all sessions. */
  revokeAll(at: number): void;
}
