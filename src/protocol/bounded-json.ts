/** Bounds on JSON that comes from outside and is kept as it is. */

/** Levels that a value may be nested. */
export const MAX_DEPTH = 20;

/** What walks through values, JSON.stringify for one, does so by recursion: depth from outside needs a bound. */
export function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}

export function isSmall(value: unknown): boolean {
  return isShallow(value, MAX_DEPTH) && JSON.stringify(value ?? null).length <= 16_384;
}
