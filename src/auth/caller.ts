/** Who asks, and what they may do: scopes and roles as data. */
import type { Role } from "../protocol/common.ts";

/**
 * What a key may be good for. sessions:create opens sessions; sessions:read looks at its own; sessions:control acts on
 * its own; operate sees and opens waiting sessions of its labels; ops does everything with all, but reads no results.
 */
export const SCOPES = ["sessions:create", "sessions:read", "sessions:control", "operate", "ops"] as const;
export type Scope = (typeof SCOPES)[number];

/** What a key is good for, and where its sessions may go. */
export interface Grants {
  readonly scopes: readonly Scope[];
  /** Labels of the sessions that `operate` is about; empty: all. */
  readonly labels: readonly string[];
  /** In place of CDP_ALLOW; null: as the server has it. */
  readonly cdp_allow: readonly string[] | null;
  /** Private destinations that pages of this key may reach all the same. */
  readonly url_allow: readonly string[];
}

export interface KeyCaller {
  readonly kind: "key";
  /** Never the secret. */
  readonly id: string;
  readonly name: string;
  readonly grants: Grants;
}

export interface LinkCaller {
  readonly kind: "link";
  readonly id: string;
  /** The one session it opens, by its uid: an id may be used again. */
  readonly uid: string;
  readonly role: Role;
  /** ms since 1970 */
  readonly expires_at: number;
}

/** `anybody`: whoever reaches a server with AUTH=off. `id_holder`: knows the id of a session that is `legacy_open`. */
export type Caller = KeyCaller | LinkCaller | { readonly kind: "anybody" } | { readonly kind: "id_holder" };

/** How a caller is named in the audit trail and in logs: what it is and its id, never a secret. */
export function nameOf(caller: Caller): string {
  return "id" in caller ? `${caller.kind}:${caller.id}` : caller.kind;
}

/** By what a person who comes back is recognised; null: as anybody else. */
export function whoIs(caller: Caller): string | null {
  return "id" in caller ? nameOf(caller) : null;
}

/** The id of the key whose sessions a caller makes; null: nobody's. */
export function ownerOf(caller: Caller): string | null {
  return caller.kind === "key" ? caller.id : null;
}

export function grantsOf(caller: Caller | undefined): Grants | null {
  return caller?.kind === "key" ? caller.grants : null;
}
