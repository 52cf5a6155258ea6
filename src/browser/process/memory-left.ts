/** How much memory a further browser may take: of the machine, and of the container where that has a limit of its own. */
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";

const CGROUPS = "/sys/fs/cgroup";

/** Bytes. Takes well below a millisecond. */
export function memoryLeft(): number {
  const ofMachine = freemem();
  const limit = process.constrainedMemory();
  if (limit === 0 || limit > Number.MAX_SAFE_INTEGER) return ofMachine;
  return Math.min(ofMachine, process.availableMemory() + fileCache());
}

/** The container's file cache counts as used, and is given up as soon as somebody needs it. */
function fileCache(): number {
  try {
    const path = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
    const stat = readFileSync(join(CGROUPS, path, "memory.stat"), "utf8");
    return Number(/^inactive_file (\d+)$/m.exec(stat)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
