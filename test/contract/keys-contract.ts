/** What every storage must do with keys and operator links. */
import { expect } from "@playwright/test";
import type { KeyRow } from "../../src/auth/key-store.ts";
import type { Link } from "../../src/auth/link-store.ts";
import { type StorageKind, storageTest } from "./storage-test.ts";
import { sessionRecord } from "./store-contract.ts";

const DAY = Date.UTC(2030, 0, 1);
/** No link lives as long. */
const LATER = DAY + 1_000_000;

function keyRow(given: Partial<KeyRow> = {}): KeyRow {
  return {
    id: "key-1",
    name: "shop",
    hash: "a".repeat(64),
    grants: { scopes: ["sessions:create"], labels: ["Überschrift"], cdp_allow: null, url_allow: ["10.0.0.0/8"] },
    created_at: DAY,
    revoked_at: null,
    ...given,
  };
}

function linkRow(given: Partial<Link> = {}): Link {
  return { id: "link-1", uid: "uid-1", role: "control", created_at: DAY, expires_at: DAY + 1_000, ...given };
}

/** So many that none of these tests comes near. */
const BOUND = { most: 100, since: 0 };

export function keysContract(name: string, kind: StorageKind): void {
  const test = storageTest(kind);

  test.describe(`${name}: keys`, () => {
    test("a key is found by its hash as it was added", ({ storage: { keys } }) => {
      keys.add(keyRow());
      expect(keys.byHash("a".repeat(64))).toEqual(keyRow());
      expect(keys.byHash("b".repeat(64))).toBeUndefined();
      expect([keys.isLiving("key-1"), keys.isLiving("key-2")]).toEqual([true, false]);
    });

    test("keys are listed oldest first, revoked ones too", ({ storage: { keys } }) => {
      keys.add(keyRow({ id: "young", name: "young", hash: "b", created_at: DAY + 1 }));
      keys.add(keyRow({ id: "old", name: "old", hash: "c" }));
      keys.add(keyRow({ id: "as old", name: "as old", hash: "d" }));
      keys.revoke("old", DAY + 9);
      const rows = keys.list().map(({ id, revoked_at }) => [id, revoked_at]);
      expect(rows).toEqual([
        ["old", DAY + 9],
        ["as old", null],
        ["young", null],
      ]);
    });

    test("a key that is revoked, by name or id, opens nothing any more and is revoked once", ({
      storage: { keys },
    }) => {
      keys.add(keyRow());
      keys.add(keyRow({ id: "key-2", name: "other", hash: "b" }));
      expect(keys.revoke("shop", DAY + 5)).toEqual(keyRow({ revoked_at: DAY + 5 }));
      expect(keys.revoke("key-2", DAY + 6)).toMatchObject({ name: "other", revoked_at: DAY + 6 });
      for (const again of ["shop", "key-1", "key-2", "nobody"]) expect(keys.revoke(again, DAY + 7)).toBeUndefined();
      expect(keys.byHash("b")).toBeUndefined();
      expect(keys.isLiving("key-1")).toBe(false);
      expect(keys.list().map(({ revoked_at }) => revoked_at)).toEqual([DAY + 5, DAY + 6]);
    });

    test("a name is one living key's; a revoked one gives it free", ({ storage: { keys } }) => {
      keys.add(keyRow());
      const second = keyRow({ id: "key-2", hash: "b" });
      expect(() => keys.add(second)).toThrow(expect.objectContaining({ code: "invalid_message" }));
      keys.revoke("shop", DAY + 1);
      keys.add(second);
      expect(keys.byHash("b")?.id).toBe("key-2");
      // The living one of this name, not the one before it.
      expect(keys.revoke("shop", DAY + 2)?.id).toBe("key-2");
    });
  });

  test.describe(`${name}: operator links`, () => {
    test("[R13] a link lives until it expires", ({ storage: { links } }) => {
      expect(links.add(linkRow(), BOUND)).toBe(true);
      expect(links.living("link-1", DAY + 999)).toEqual(linkRow());
      expect(links.living("link-1", DAY + 1_000)).toBeUndefined();
      expect(links.living("unknown", DAY)).toBeUndefined();
    });

    test("[R13] a link is revoked once, and by its own session alone", ({ storage: { links } }) => {
      links.add(linkRow(), BOUND);
      expect(links.revoke("uid-2", "link-1", DAY + 1)).toBe(false);
      expect(links.living("link-1", DAY + 2)).toBeDefined();
      expect(links.revoke("uid-1", "link-1", DAY + 1)).toBe(true);
      expect(links.revoke("uid-1", "link-1", DAY + 2)).toBe(false);
      expect(links.living("link-1", DAY + 2)).toBeUndefined();
    });

    test("[R13] all links are revoked together", ({ storage: { links } }) => {
      for (const uid of ["a", "b"]) links.add(linkRow({ id: uid, uid, expires_at: LATER }), BOUND);
      links.revokeAll(DAY + 1);
      expect([links.living("a", DAY + 2), links.living("b", DAY + 2)]).toEqual([undefined, undefined]);
      expect(links.revoke("a", "a", DAY + 2)).toBe(false);
    });

    test("[R10] the first link to control is the oldest that lives", ({ storage: { links } }) => {
      const rows = [
        linkRow({ id: "to watch", role: "watch", created_at: DAY - 9, expires_at: LATER }),
        linkRow({ id: "short", created_at: DAY - 8, expires_at: DAY + 1 }),
        linkRow({ id: "first", created_at: DAY, expires_at: LATER }),
        linkRow({ id: "as old", created_at: DAY, expires_at: LATER }),
        linkRow({ id: "another's", uid: "uid-2", created_at: DAY - 7, expires_at: LATER }),
      ];
      for (const row of rows) links.add(row, BOUND);
      expect(links.firstToControl("uid-1", DAY)?.id).toBe("short");
      expect(links.firstToControl("uid-1", DAY + 1)).toEqual(rows[2]);
      links.revoke("uid-1", "first", DAY + 2);
      expect(links.firstToControl("uid-1", DAY + 2)?.id).toBe("as old");
      expect(links.firstToControl("nobody", DAY)).toBeUndefined();
    });

    test("[R13] links of a session that live or were made a moment ago are bounded", ({ storage: { links } }) => {
      const bound = { most: 2, since: DAY - 60 };
      const add = (id: string, given: Partial<Link> = {}) => links.add(linkRow({ id, ...given }), bound);
      expect(add("expired long ago", { created_at: DAY - 100, expires_at: DAY - 90 })).toBe(true);
      expect(add("expired a moment ago", { created_at: DAY - 50, expires_at: DAY - 40 })).toBe(true);
      expect(add("another session's", { uid: "uid-2" })).toBe(true);
      expect(add("lives")).toBe(true);
      expect(add("too many")).toBe(false);
      expect(links.living("too many", DAY)).toBeUndefined();
      // Revoked, it still was made a moment ago; later it is not.
      links.revoke("uid-1", "lives", DAY + 1);
      expect(add("still too many")).toBe(false);
      expect(links.add(linkRow({ id: "later", created_at: DAY + 100 }), { most: 2, since: DAY + 40 })).toBe(true);
    });

    test("[S5] links go with their session", ({ storage: { links }, store }) => {
      store.save(sessionRecord({ uid: "uid-1", state: "solved", ended_at: DAY }));
      store.save(sessionRecord({ uid: "uid-2", session_id: "two" }));
      for (const uid of ["uid-1", "uid-2"]) links.add(linkRow({ id: uid, uid, expires_at: LATER }), BOUND);
      store.removeEndedBefore(DAY + 1);
      expect(links.living("uid-1", DAY)).toBeUndefined();
      expect(links.living("uid-2", DAY)).toBeDefined();
    });
  });

  if (!kind.durable) return;

  test(`${name}: keys and links outlive the server, and so does their revocation`, ({ factory }) => {
    const first = factory.open();
    first.keys.add(keyRow());
    first.keys.add(keyRow({ id: "key-2", name: "revoked", hash: "b" }));
    first.keys.revoke("revoked", DAY + 1);
    for (const id of ["kept", "revoked"]) first.links.add(linkRow({ id }), BOUND);
    first.links.revoke("uid-1", "revoked", DAY + 1);
    first.close();
    const second = factory.open();
    expect(second.keys.list()).toEqual([
      keyRow(),
      keyRow({ id: "key-2", name: "revoked", hash: "b", revoked_at: DAY + 1 }),
    ]);
    expect(second.links.living("kept", DAY + 2)).toEqual(linkRow({ id: "kept" }));
    expect(second.links.living("revoked", DAY + 2)).toBeUndefined();
    second.close();
  });
}
