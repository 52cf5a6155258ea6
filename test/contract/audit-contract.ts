/** What every storage must do with the audit trail. */
import { expect } from "@playwright/test";
import type { AuditEntry } from "../../src/audit/audit-log.ts";
import { FIRST_LINK } from "../../src/audit/chain.ts";
import { type StorageKind, storageTest } from "./storage-test.ts";

const AT = Date.UTC(2030, 0, 1);

export function auditEntry(given: Partial<AuditEntry> = {}): AuditEntry {
  const detail = { operator: "operator-1 '🧩", n: 1, yes: true, none: null };
  return {
    who: "key:k1",
    address: "::1",
    action: "control.take",
    session_id: "one",
    uid: "uid-1",
    detail,
    ...given,
  };
}

export function auditContract(name: string, kind: StorageKind): void {
  const test = storageTest(kind);

  test.describe(`${name}: audit trail`, () => {
    test("[R17] entries come back as they were given, newest first, page by page, of one session", ({
      storage: { audit },
    }) => {
      audit.append(auditEntry(), AT);
      audit.append(auditEntry({ session_id: "two", detail: null, address: null }), AT + 1);
      audit.append(auditEntry({ session_id: null, uid: null, action: "key.add" }), AT + 2);
      audit.append(auditEntry({ action: "session.end" }), AT + 3);
      const all = audit.page({ limit: 10 });
      expect(all.map(({ seq, at }) => [seq, at])).toEqual([4, 3, 2, 1].map((seq) => [seq, AT + seq - 1]));
      expect(all[3]).toEqual({ ...auditEntry(), seq: 1, at: AT, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(all[2]).toMatchObject({ session_id: "two", detail: null, address: null });
      expect(audit.page({ limit: 2, before: 4 }).map(({ seq }) => seq)).toEqual([3, 2]);
      expect(audit.page({ limit: 10, sessionId: "one" }).map(({ seq }) => seq)).toEqual([4, 1]);
      expect(audit.page({ limit: 10, sessionId: "one", before: 4 }).map(({ seq }) => seq)).toEqual([1]);
      expect(audit.page({ limit: 10, sessionId: "unknown" })).toEqual([]);
    });

    test("[R17] the chain is whole, and an entry that was noted is in it", ({ storage: { audit } }) => {
      expect(audit.verify()).toEqual({ kind: "whole", entries: 0, hash: FIRST_LINK });
      for (let count = 0; count < 3; count += 1) audit.append(auditEntry(), AT + count);
      const [newest] = audit.page({ limit: 1 });
      const hash = String(newest?.hash);
      expect(audit.verify({ seq: 3, hash })).toEqual({ kind: "whole", entries: 3, hash });
      expect(audit.verify({ seq: 2, hash })).toEqual({ kind: "broken", seq: "2", why: "not_as_noted" });
      expect(audit.verify({ seq: 4, hash })).toEqual({ kind: "broken", seq: "4", why: "missing" });
    });
  });

  if (!kind.durable) return;

  test(`${name}: [R17] the trail goes on where the last server left it`, ({ factory }) => {
    for (let start = 1; start <= 2; start += 1) {
      const storage = factory.open();
      storage.audit.append(auditEntry(), AT + start);
      expect(storage.audit.verify()).toMatchObject({ kind: "whole", entries: start });
      storage.close();
    }
  });
}
