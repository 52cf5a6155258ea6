/** Bounds on JSON that comes from clients and is stored unchanged. */

/** The deepest nesting of objects and lists. */
export const MAX_DEPTH = 20;

/** True for a value nested at most `levels` deep. JSON.stringify and others recurse, so depth from outside needs a bound. */
export function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}

/** True for a value of at most 16,384 characters of JSON and MAX_DEPTH levels. */
export function isSmall(value: unknown): boolean {
  return isShallow(value, MAX_DEPTH) && JSON.stringify(value ?? null).length <= 16_384;
}
