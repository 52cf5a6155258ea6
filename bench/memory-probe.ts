/** Loaded into the server before its own code: reports the server's memory on request of the bench. */

export interface ServerMemory {
  /** Memory that JavaScript holds: heap in use, buffers, and their memory outside of the heap; bytes. */
  readonly held: number;
  /** Resident set, bytes; it includes memory that the allocators keep for later. */
  readonly rss: number;
}

process.on("message", (message) => {
  if (message !== "memory") return;
  // Collects twice: the second round frees what the first one finalizes.
  global.gc?.();
  global.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  process.send?.({ held: heapUsed + external + arrayBuffers, rss } satisfies ServerMemory);
});
