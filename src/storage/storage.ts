/** The storage: all ports of the domain, on one handle of one database. */
import type { DatabaseSync } from "node:sqlite";
import type { AuditLog } from "../audit/audit-log.ts";
import type { KeyStore } from "../auth/key-store.ts";
import type { LinkStore } from "../auth/link-store.ts";
import type { Acknowledgements, DeliveryQueue, EventLog } from "../events/event-log.ts";
import type { SessionStore } from "../session/ports/store.ts";
import { SqliteAcknowledgements } from "./acknowledgements.ts";
import { SqliteApiKeys } from "./api-keys.ts";
import { SqliteAuditLog } from "./audit-log.ts";
import {
  attachDatabase,
  DeletedRemains,
  type HeldDatabase,
  inOneStep,
  openDatabase,
  openMemoryDatabase,
} from "./database.ts";
import { SqliteEventLog } from "./event-log.ts";
import { SqliteOperatorLinks } from "./operator-links.ts";
import { SqliteSessionStore } from "./session-store.ts";
import { SqliteWebhookQueue } from "./webhook-queue.ts";

/** The storage of a server. */
export interface Storage {
  readonly sessions: SessionStore;
  readonly events: EventLog;
  readonly deliveries: DeliveryQueue;
  readonly acknowledgements: Acknowledgements;
  readonly audit: AuditLog;
  readonly keys: KeyStore;
  readonly links: LinkStore;
  close(): void;
}

/** The part of the storage that commands use beside a server. */
export interface AttachedStorage extends Pick<Storage, "audit" | "keys" | "links" | "close"> {
  /** Runs `work` in a transaction: all of it is written or, if it throws, nothing. */
  inOneStep<T>(work: () => T): T;
}

/**
 * Opens the database of DATA_DIR (made if missing) and locks it for this server. Throws StorageProblem if it cannot be
 * used, or another server holds it.
 */
export function openStorage(dataDir: string): Storage {
  return storageOn(openDatabase(dataDir));
}

/** Opens a storage in memory; close() discards it. */
export function openMemoryStorage(): Storage {
  return storageOn(openMemoryDatabase());
}

/** Opens the database of DATA_DIR (made if missing) beside a server that may hold it. Throws StorageProblem. */
export function attachStorage(dataDir: string): AttachedStorage {
  const db = attachDatabase(dataDir);
  return { ...sharedParts(db), inOneStep: (work) => inOneStep(db, work), close: () => db.close() };
}

function storageOn({ db, close }: HeldDatabase): Storage {
  const remains = new DeletedRemains(db);
  const deliveries = new SqliteWebhookQueue(db, remains);
  return {
    sessions: new SqliteSessionStore(db, deliveries, remains),
    events: new SqliteEventLog(db),
    deliveries,
    acknowledgements: new SqliteAcknowledgements(db),
    ...sharedParts(db),
    close,
  };
}

function sharedParts(db: DatabaseSync): Pick<Storage, "audit" | "keys" | "links"> {
  return { audit: new SqliteAuditLog(db), keys: new SqliteApiKeys(db), links: new SqliteOperatorLinks(db) };
}
