// The interface of each kind of challenge. Types only.

/** @import { Attempt, Puzzle, PuzzleKind } from "../../src/demo/puzzle-types.ts" */
/** @import { Layout } from "./layout.js" */

/**
 * The look of one kind of challenge. `mount` fills the stage once and returns the face that shows the pictures.
 * @template {PuzzleKind} Kind
 * @typedef {object} Face
 * @property {string} containerClass
 * @property {Layout} layout
 * @property {(stage: HTMLElement, submit: (attempt: Attempt) => void) => MountedFace<Kind>} mount
 */

/**
 * @template {PuzzleKind} Kind
 * @typedef {object} MountedFace
 * @property {(picture: Extract<Puzzle, { kind: Kind }>["picture"]) => (Node | string)[]} show draws a picture and returns the words above it
 * @property {(locked: boolean) => void} setLocked
 */

export {};
