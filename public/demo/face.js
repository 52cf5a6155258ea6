// The shape that each kind of challenge has: types only.

/** @import { Attempt, Puzzle, PuzzleKind } from "../../src/demo/puzzle-types.ts" */
/** @import { Layout } from "./layout.js" */

/**
 * What one kind of challenge looks like. `mount` fills the stage once; what it returns shows one picture after another.
 * @template {PuzzleKind} Kind
 * @typedef {object} Face
 * @property {string} containerClass
 * @property {Layout} layout
 * @property {(stage: HTMLElement, submit: (attempt: Attempt) => void) => MountedFace<Kind>} mount
 */

/**
 * @template {PuzzleKind} Kind
 * @typedef {object} MountedFace
 * @property {(picture: Extract<Puzzle, { kind: Kind }>["picture"]) => (Node | string)[]} show draws a picture and answers the words above it
 * @property {(locked: boolean) => void} setLocked
 */

export {};
