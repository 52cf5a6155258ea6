/** Generators of messages to the operator socket: one a type, of everything its schema lets through. */
import fc from "fast-check";
import { COORDINATE_LIMIT } from "../../src/protocol/common.ts";
import { type ClientMessage, MAX_SCALE, MAX_TOUCHES, MOUSE_BUTTONS } from "../../src/protocol/live.ts";

export const coordinate = fc.double({ min: -COORDINATE_LIMIT, max: COORDINATE_LIMIT, noNaN: true });
const id = fc.oneof(fc.string({ maxLength: 64 }), fc.double({ noNaN: true, noDefaultInfinity: true }));
const text = (maxLength: number) => fc.string({ minLength: 1, maxLength });
const bare = (type: string) => fc.record({ type: fc.constant(type), id }, { requiredKeys: ["type"] });

export const VALID = {
  mouse_event: fc.record(
    {
      type: fc.constant("mouse_event"),
      id,
      event_type: fc.constantFrom("down", "move", "up"),
      x: coordinate,
      y: coordinate,
      button: fc.constantFrom(...MOUSE_BUTTONS),
      buttons: fc.integer({ min: 0, max: 31 }),
      modifiers: fc.integer({ min: 0, max: 15 }),
      t: fc.double({ noNaN: true, noDefaultInfinity: true }),
      seq: fc.nat(),
    },
    { requiredKeys: ["type", "event_type", "x", "y"] },
  ),
  touch_event: fc.record(
    {
      type: fc.constant("touch_event"),
      id,
      event_type: fc.constantFrom("start", "move", "end", "cancel"),
      touches: fc.uniqueArray(
        fc.record(
          {
            id: fc.nat(),
            x: coordinate,
            y: coordinate,
            radius: fc.double({ min: 0, max: 1_000, noNaN: true }),
            force: fc.double({ min: 0, max: 1, noNaN: true }),
          },
          { requiredKeys: ["id", "x", "y"] },
        ),
        { minLength: 1, maxLength: MAX_TOUCHES, selector: (touch) => touch.id },
      ),
      t: fc.double({ noNaN: true, noDefaultInfinity: true }),
      seq: fc.nat(),
    },
    { requiredKeys: ["type", "event_type", "touches"] },
  ),
  wheel: fc.record(
    {
      type: fc.constant("wheel"),
      id,
      x: coordinate,
      y: coordinate,
      delta_x: coordinate,
      delta_y: coordinate,
      modifiers: fc.integer({ min: 0, max: 15 }),
    },
    { requiredKeys: ["type", "x", "y", "delta_x", "delta_y"] },
  ),
  key: fc.record(
    {
      type: fc.constant("key"),
      id,
      event_type: fc.constantFrom("down", "up"),
      key: text(32),
      code: fc.string({ maxLength: 32 }),
      modifiers: fc.integer({ min: 0, max: 15 }),
      location: fc.integer({ min: 0, max: 3 }),
      repeat: fc.boolean(),
    },
    { requiredKeys: ["type", "event_type", "key"] },
  ),
  text: fc.record(
    { type: fc.constant("text"), id, text: text(200), whole: fc.boolean() },
    { requiredKeys: ["type", "text"] },
  ),
  ack: fc.record({ type: fc.constant("ack"), id, seq: fc.nat() }, { requiredKeys: ["type", "seq"] }),
  finish: fc.record(
    {
      type: fc.constant("finish"),
      id,
      outcome: fc.constantFrom("done", "cannot"),
      note: fc.string({ maxLength: 200 }),
    },
    { requiredKeys: ["type", "outcome"] },
  ),
  extend: fc.record(
    { type: fc.constant("extend"), id, seconds: fc.integer({ min: 1, max: 86_400 }) },
    { requiredKeys: ["type", "seconds"] },
  ),
  view: fc.record(
    {
      type: fc.constant("view"),
      id,
      mode: fc.constantFrom("challenge" as const, "page" as const),
      scale: fc.double({ min: 1, max: MAX_SCALE, noNaN: true }),
    },
    { requiredKeys: ["type"] },
  ),
  check_completion: bare("check_completion"),
  ping: bare("ping"),
  heartbeat: bare("heartbeat"),
  pong: bare("pong"),
  take_control: bare("take_control"),
  release_control: bare("release_control"),
  authenticate: fc.record(
    {
      type: fc.constant("authenticate"),
      id,
      token: fc.string({ minLength: 1, maxLength: 2_048 }),
      protocols: fc.array(fc.string({ minLength: 1, maxLength: 256 }), { maxLength: 16 }),
    },
    { requiredKeys: ["type"] },
  ),
  features: fc.record({
    type: fc.constant("features"),
    features: fc.array(fc.string({ minLength: 1, maxLength: 32 }), { maxLength: 32 }),
  }),
  answer_pick: fc.record(
    {
      type: fc.constant("answer_pick"),
      id,
      question_id: fc.string({ minLength: 1, maxLength: 64 }),
      options: fc.array(fc.nat(), { maxLength: 20 }),
      value: fc.string({ maxLength: 100 }),
    },
    { requiredKeys: ["type", "question_id"] },
  ),
  navigate: fc.record(
    { type: fc.constant("navigate"), id, action: fc.constantFrom("back", "reload") },
    { requiredKeys: ["type", "action"] },
  ),
  answer_dialog: fc.record(
    {
      type: fc.constant("answer_dialog"),
      id,
      question_id: fc.string({ minLength: 1, maxLength: 64 }),
      accept: fc.boolean(),
      text: fc.string({ maxLength: 100 }),
    },
    { requiredKeys: ["type", "question_id", "accept"] },
  ),
  answer_files: fc.record(
    {
      type: fc.constant("answer_files"),
      id,
      question_id: fc.string({ minLength: 1, maxLength: 64 }),
      files: fc.array(fc.string({ minLength: 1, maxLength: 64 }), { maxLength: 100 }),
    },
    { requiredKeys: ["type", "question_id", "files"] },
  ),
  answer_sign_in: fc.record(
    {
      type: fc.constant("answer_sign_in"),
      id,
      question_id: fc.string({ minLength: 1, maxLength: 64 }),
      username: fc.string({ maxLength: 256 }),
      password: fc.string({ maxLength: 256 }),
    },
    { requiredKeys: ["type", "question_id"] },
  ),
  window: fc.record(
    { type: fc.constant("window"), id, window_id: text(64), action: fc.constantFrom("show", "close") },
    { requiredKeys: ["type", "window_id", "action"] },
  ),
} satisfies Record<ClientMessage["type"], fc.Arbitrary<object>>;
