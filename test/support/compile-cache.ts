/** For programs that start without the tests' own environment: compiled once, not with each start. */
export const COMPILED = { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "" };
