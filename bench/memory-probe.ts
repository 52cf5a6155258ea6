/** Loaded into the server before its own code: tells its memory when the bench asks. */

export interface ServerMemory {
  /** What JavaScript holds: heap in use, buffers and what they keep outside of the heap; bytes. */
  readonly held: number;
  /** Resident set, bytes; also counts what the allocators keep for later. */
  readonly rss: number;
}

process.on("message", (message) => {
  if (message !== "memory") return;
  // Twice: what a first round finalizes only a second one frees.
  global.gc?.();
  global.gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  process.send?.({ held: heapUsed + external + arrayBuffers, rss } satisfies ServerMemory);
});
