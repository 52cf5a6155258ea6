/** What the contract suites of storage share: a storage of its own for each test, whatever the implementation. */
import { test as base } from "@playwright/test";
import type { SessionStore } from "../../src/session/ports/store.ts";
import type { Storage } from "../../src/storage/storage.ts";

export interface StorageFactory {
  /** May be called again after `close` where the storage is durable. */
  open(): Storage;
  remove(): Promise<void>;
}

/** An implementation of all of storage's ports. */
export interface StorageKind {
  /** A place of its own for each test. */
  readonly makeFactory: () => Promise<StorageFactory>;
  /** Whether what is written outlives `close`. */
  readonly durable: boolean;
}

export function storageTest({ makeFactory }: StorageKind) {
  return base.extend<{ factory: StorageFactory; storage: Storage; store: SessionStore }>({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
    factory: async ({}, use) => {
      const factory = await makeFactory();
      await use(factory);
      await factory.remove();
    },
    storage: async ({ factory }, use) => {
      const storage = factory.open();
      await use(storage);
      storage.close();
    },
    store: async ({ storage }, use) => use(storage.sessions),
  });
}
