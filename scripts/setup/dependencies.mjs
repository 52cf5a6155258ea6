// Compares what npm noted as installed with what the lock file asks for, and says by which command of npm that is mended.

/** @typedef {{ version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean }} Package */
/** @typedef {{ packages: Record<string, Package> }} Lock package-lock.json, and node_modules/.package-lock.json */

/** Npm, quiet, as little as possible beside the work. */
const QUIET = ["--loglevel=error", "--no-audit", "--no-fund"];

/**
 * @param {Lock} lock
 * @param {Lock | undefined} installed undefined where nothing is, or an installation was broken off
 * @param {boolean} wantsDev whether the tools of tests, lint, types and builds are wanted too
 * @returns {{ why: string, isClean: boolean, include: string } | null} what npm is to do: begin anew, or add; null: nothing
 */
export function planInstall(lock, installed, wantsDev) {
  // What has come is never taken away again by a command that needs less.
  const dev = wantsDev || hasDev(lock, installed);
  const include = dev ? "--include=dev" : "--omit=dev";
  if (!installed) return { why: "node_modules is missing", isClean: true, include };
  const wanted = Object.entries(lock.packages).filter(([path, one]) => path !== "" && (dev || !one.dev));
  const there = ([path]) => installed.packages[path];
  const isOther = wanted.some((entry) => there(entry) && there(entry).version !== entry[1].version);
  if (isOther) return { why: "they are not those of package-lock.json", isClean: false, include };
  // Optional ones of other platforms are absent for good.
  const isNeeded = ({ optional, devOptional }) => !optional && (dev || !devOptional);
  if (wanted.every((entry) => there(entry) || !isNeeded(entry[1]))) return null;
  const why = dev && !hasDev(lock, installed) ? "tests and tools need more" : "some are missing";
  return { why, isClean: false, include };
}

/** @param {{ isClean: boolean, include: string }} plan @returns {string[]} */
export function argsOf({ isClean, include }) {
  // npm ci takes all away first. The other one leaves alone what is right, and what runs on it.
  return [...(isClean ? ["ci"] : ["install", "--no-save"]), include, ...QUIET];
}

/** @param {Lock} lock @param {Lock | undefined} installed @returns {boolean} */
export function hasDev(lock, installed) {
  return Object.keys(installed?.packages ?? {}).some((path) => lock.packages[path]?.dev === true);
}
