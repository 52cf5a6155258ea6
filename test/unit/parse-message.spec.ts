/** Whatever a peer sends over the operator socket: it is a message, or an AppError that says what is wrong. */
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { AppError } from "../../src/errors.ts";
import { parseMessage } from "../../src/http/sockets/parse-message.ts";
import { COORDINATE_LIMIT } from "../../src/protocol/common.ts";
import { CLIENT_MESSAGE_TYPES, type ClientMessage } from "../../src/protocol/live.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { coordinate, VALID } from "../support/messages.ts";
import { expectWithin } from "../support/pace.ts";

const RUNS = { numRuns: IS_LONG_RUN ? 3_000 : 500 };

const DEFAULTS: Readonly<Record<string, object>> = { key: { code: "", modifiers: 0 } };
const FIELDS = [
  "id",
  "event_type",
  "x",
  "y",
  "button",
  "buttons",
  "t",
  "seq",
  "key",
  "code",
  "modifiers",
  "text",
  "mode",
  "scale",
  "token",
];

test("[W1] any text at all is a message or is refused by its code", () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), acceptsOrRefuses), RUNS);
  fc.assert(fc.property(fc.json(), acceptsOrRefuses), RUNS);
});

test("[W1] any values in the fields of the known types are a message or are refused by their code", () => {
  const value = fc.oneof(fc.jsonValue(), coordinate, fc.constantFrom(null, 1e308, -1e308, "left", "down", [], {}));
  const message = fc.record({
    type: fc.constantFrom(...CLIENT_MESSAGE_TYPES),
    fields: fc.dictionary(fc.constantFrom(...FIELDS, "seconds", "outcome", "note", "delta_x", "delta_y"), value),
  });
  fc.assert(
    fc.property(message, ({ type, fields }) => acceptsOrRefuses(JSON.stringify({ ...fields, type }))),
    RUNS,
  );
});

for (const [type, valid] of Object.entries(VALID)) {
  test(`[W1] a ${type} is taken as it was sent, whatever else came with it`, () => {
    const extra = fc.dictionary(
      fc.string().filter((name) => name !== "__proto__"),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(valid, extra, (message, others) => {
        const sent = JSON.stringify(message);
        const known = new Set([...FIELDS, "type", "seconds", "outcome", "note", "delta_x", "delta_y"]);
        const strangers = Object.fromEntries(Object.entries(others).filter(([name]) => !known.has(name)));
        const expected = { ...DEFAULTS[type], ...JSON.parse(sent) };
        return isDeepStrictEqual(parseMessage(JSON.stringify({ ...strangers, ...message })), expected);
      }),
      { numRuns: 500 },
    );
  });
}

test("[W4] a coordinate that is no number of a page is refused by its name", () => {
  const broken = fc.oneof(
    fc.constantFrom(null, "1", true, [1], {}, 1e308, -1e308),
    fc.double({ min: COORDINATE_LIMIT, minExcluded: true, noNaN: true, noDefaultInfinity: true }),
    fc.double({ max: -COORDINATE_LIMIT, maxExcluded: true, noNaN: true, noDefaultInfinity: true }),
  );
  fc.assert(
    fc.property(VALID.mouse_event, broken, fc.constantFrom("x", "y"), (message, value, field) => {
      const { code, details } = refusal(JSON.stringify({ ...message, [field]: value }));
      return code === "invalid_message" && details?.["field"] === field;
    }),
    RUNS,
  );
  for (const literal of ["NaN", "Infinity", "1e999", "-1e999"]) {
    const error = refusal(`{"type":"mouse_event","event_type":"move","x":${literal},"y":1}`);
    expect(error.code, literal).toBe("invalid_message");
  }
});

test("[W9] a type that does not exist is told so, also one that every object has", () => {
  for (const type of ["constructor", "__proto__", "toString", "hasOwnProperty", "session_info", "MOUSE_EVENT", ""]) {
    expect(refusal(JSON.stringify({ type })), type).toMatchObject({ code: "unknown_type", details: { type } });
  }
  const long = refusal(JSON.stringify({ type: "x".repeat(10_000) }));
  expect(String(long.details?.["type"])).toHaveLength(64);
  for (const type of [undefined, null, 7, ["ping"], {}]) {
    expect(refusal(JSON.stringify({ type }))).toMatchObject({ code: "invalid_message", details: { field: "type" } });
  }
});

test("[W1] deeply nested text neither stops nor slows the server", () => {
  for (const open of ["[", '{"type":']) {
    const startedAt = performance.now();
    expect(refusal(open.repeat(7_000)).code).toBe("invalid_message");
    expectWithin(performance.now() - startedAt, 500);
  }
  expect(refusal(`${"[".repeat(30_000)}${"]".repeat(30_000)}`).code).toBe("invalid_message");
});

/** False, or a throw of anything but a refusal, fails the property. */
function acceptsOrRefuses(sent: string): boolean {
  let message: ClientMessage;
  try {
    message = parseMessage(sent);
  } catch (error) {
    return asRefusal(error) !== undefined;
  }
  const numbers = Object.values(message).filter((value) => typeof value === "number");
  return CLIENT_MESSAGE_TYPES.includes(message.type) && numbers.every(Number.isFinite);
}

function refusal(sent: string): AppError {
  try {
    parseMessage(sent);
  } catch (error) {
    return asRefusal(error);
  }
  throw new Error(`accepted: ${sent.slice(0, 100)}`);
}

function asRefusal(error: unknown): AppError {
  if (error instanceof AppError && (error.code === "invalid_message" || error.code === "unknown_type")) return error;
  throw error;
}
