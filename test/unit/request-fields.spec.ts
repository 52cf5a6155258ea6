/** Which response fields a request carries: each format, and bodies that are broken, large or hostile. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { filledFields, type WatchedField } from "../../src/browser/tabs/request-fields.ts";
import { isSameSite } from "../../src/browser/tabs/same-site.ts";
import { expectWithin } from "../support/pace.ts";

const FIELD: WatchedField = { name: "g-recaptcha-response", noAnswer: null };
const FRIENDLY: WatchedField = { name: "frc-captcha-response", noAnswer: /^\./ };
const FIELDS = [FIELD, FRIENDLY];
const URLENCODED = "application/x-www-form-urlencoded;charset=UTF-8";
const MULTIPART = "multipart/form-data; boundary=----x";

const found = (body: string | Buffer | null, contentType = "", url = "https://a.example/") => [
  ...filledFields({ url, contentType, body: typeof body === "string" ? Buffer.from(body) : body }, FIELDS),
];

const part = (name: string, value: string, more = "") =>
  `------x\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
const multipart = (...parts: string[]) => `${parts.join("")}------x--\r\n`;
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{"${FIELD.name}":"token"}${"}".repeat(depth - 1)}`;

for (const [name, body, contentType] of [
  ["a form", `a=1&${FIELD.name}=token`, URLENCODED],
  ["a form with a name in escapes", "g%2Drecaptcha%2Dresponse=token", URLENCODED],
  ["a form that has the field twice, and one filled", `${FIELD.name}=&${FIELD.name}=token`, URLENCODED],
  ["multipart", multipart(part("a", "1"), part(FIELD.name, "token")), MULTIPART],
  [
    "multipart with a boundary in quotes",
    multipart(part(FIELD.name, "token")),
    'multipart/form-data; boundary="----x"',
  ],
  [
    "multipart with an = in its boundary",
    multipart(part(FIELD.name, "token")).replaceAll("------x", "--=_x"),
    "multipart/form-data; charset=utf-8; Boundary==_x",
  ],
  ["multipart beside a file", multipart(part("f", "", '; filename="a.png"'), part(FIELD.name, "token")), MULTIPART],
  ["JSON", `{"a":1,"${FIELD.name}":"token"}`, "application/json"],
  ["JSON with a name in escapes", '{"g\\u002drecaptcha-response":"token"}', "application/json"],
  ["JSON of another kind", `{"${FIELD.name}":"token"}`, "application/vnd.api+json; charset=utf-8"],
  ["JSON with a number", `{"${FIELD.name}":1234}`, "application/json"],
  ["JSON eight levels deep", nested(8), "application/json"],
  ["JSON in lists", `[[{"a":[{"${FIELD.name}":"token"}]}]]`, "application/json"],
  ["JSON without a type", ` {"${FIELD.name}":"token"}`, ""],
  ["a form as text", `${FIELD.name}=token`, "text/plain;charset=UTF-8"],
] as const) {
  test(`[K1] ${name} carries the field`, () => {
    expect(found(body, contentType)).toEqual([FIELD.name]);
  });
}

for (const [name, body, contentType] of [
  ["another name", "h-captcha-response=token", URLENCODED],
  ["a longer name", `x${FIELD.name}=token`, URLENCODED],
  ["an empty field", `${FIELD.name}=`, URLENCODED],
  ["a blank field", `${FIELD.name}=+%0A`, URLENCODED],
  ["a value that is no answer", `${FRIENDLY.name}=.UNSTARTED`, URLENCODED],
  ["the name as a value", `a=${FIELD.name}`, URLENCODED],
  ["multipart with an empty field", multipart(part(FIELD.name, "")), MULTIPART],
  ["a file of that name", multipart(part(FIELD.name, "token", '; filename="a"')), MULTIPART],
  ["multipart without an end", part(FIELD.name, "token").trimEnd(), MULTIPART],
  ["multipart without a boundary", multipart(part(FIELD.name, "token")), "multipart/form-data"],
  ["JSON with null", `{"${FIELD.name}":null}`, "application/json"],
  ["JSON with true", `{"${FIELD.name}":true}`, "application/json"],
  ["JSON nine levels deep", nested(9), "application/json"],
  ["broken JSON", `{"${FIELD.name}":"token"`, "application/json"],
  ["JSON that is a text", `"${FIELD.name}=token"`, "application/json"],
  ["bytes", `${FIELD.name}=token`, "application/octet-stream"],
  ["no body", null, URLENCODED],
] as const) {
  test(`[K1] ${name}: nothing is carried`, () => {
    expect(found(body, contentType)).toEqual([]);
  });
}

test("[K1] a query carries the field, its fragment does not", () => {
  expect(found(null, "", `https://a.example/?a&${FIELD.name}=token#x`)).toEqual([FIELD.name]);
  expect(found(null, "", `https://a.example/?a#?${FIELD.name}=token`)).toEqual([]);
  expect(found(null, "", `https://a.example/#?${FIELD.name}=token`)).toEqual([]);
});

test("[K1] an expression that remembers where it was is asked from the start each time", () => {
  const field = { name: "f", noAnswer: /wait/g };
  const look = () => filledFields({ url: "a:?f=wait", contentType: "", body: null }, [field]).size;
  expect([look(), look(), look()]).toEqual([0, 0, 0]);
});

test("[K1] without fields nothing is looked at", () => {
  const request = {
    url: "https://a.example/?f=1",
    contentType: "",
    get body(): never {
      throw new Error("looked at");
    },
  };
  expect(filledFields(request, [])).toEqual(new Set());
});

test("[K1] bodies above 256 kB are not looked at, those below are", () => {
  const filler = (size: number) => `a=${"x".repeat(size)}&${FIELD.name}=token`;
  expect(found(filler(250 * 1024), URLENCODED)).toEqual([FIELD.name]);
  expect(found(filler(256 * 1024), URLENCODED)).toEqual([]);
  expect(found(filler(20 * 1024 * 1024), URLENCODED)).toEqual([]);
  expect(found(`${FIELD.name}=${"x".repeat(1024 * 1024)}`, URLENCODED)).toEqual([]);
  expect(found(null, "", `https://a.example/?${filler(1024 * 1024)}`)).toEqual([]);
  // A field that fills the body is an answer like any other.
  expect(found(`${FIELD.name}=${"x".repeat(255 * 1024)}`, URLENCODED)).toEqual([FIELD.name]);
});

test("[K1] no body throws or takes long, whatever is in it", () => {
  const types = fc.constantFrom(
    URLENCODED,
    MULTIPART,
    "application/json",
    "",
    "text/plain",
    "multipart/form-data; boundary=",
    "a;b=c;boundary",
  );
  const scraps = fc.constantFrom(
    "------x",
    "--",
    "\r\n",
    "\r\n\r\n",
    'Content-Disposition: form-data; name="',
    '"',
    FIELD.name,
    "=",
    "&",
    "%",
    "%E0%A4%A",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\\u",
    "\0",
    "token",
    ";",
    "filename=",
  );
  const bodies = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    fc.array(scraps, { maxLength: 60 }).map((parts) => Buffer.from(parts.join(""))),
    fc.jsonValue({ maxDepth: 12 }).map((value) => Buffer.from(JSON.stringify(value))),
  );
  fc.assert(
    fc.property(bodies, types, fc.webUrl({ withQueryParameters: true, withFragments: true }), (body, type, url) => {
      const names = filledFields({ url, contentType: type, body }, FIELDS);
      return [...names].every((name) => FIELDS.some((field) => field.name === name));
    }),
    { numRuns: 5_000 },
  );
});

test("[K1] a form's fields survive each format", () => {
  const text = fc.string({ minLength: 1, maxLength: 40 }).filter((value) => value.trim() !== "");
  fc.assert(
    fc.property(text, text, (name, value) => {
      const field = { name, noAnswer: null };
      const carries = (body: string, contentType: string) =>
        filledFields({ url: "https://a.example/", contentType, body: Buffer.from(body) }, [field]).has(name);
      return (
        carries(
          new URLSearchParams([
            ["other", "1"],
            [name, value],
          ]).toString(),
          URLENCODED,
        ) && carries(JSON.stringify({ a: [{ ["x"]: 1, [name]: value }] }), "application/json")
      );
    }),
    { numRuns: 1_000 },
  );
});

for (const [name, body, contentType] of [
  ["boundaries", "------x\r\n".repeat(29_000), MULTIPART],
  ["headers", `------x\r\n${'Content-Disposition: form-data; name="'.repeat(6_000)}\r\n\r\n\r\n------x`, MULTIPART],
  ["brackets", "[".repeat(260_000), "application/json"],
  ["lists", "[".repeat(130_000) + "]".repeat(130_000), "application/json"],
  ["objects", `[${'{"a":1},'.repeat(29_000)}0]`, "application/json"],
  ["pairs", "a=1&".repeat(65_000), URLENCODED],
  ["escapes", "%".repeat(260_000), URLENCODED],
  ["blanks", " ".repeat(260_000), ""],
] as const) {
  test(`[K1] a body full of ${name} takes no time`, () => {
    const from = performance.now();
    for (let round = 0; round < 5; round += 1) found(body, contentType);
    expectWithin(performance.now() - from, 1_000, name);
  });
}

for (const [one, other, same] of [
  ["https://a.shop.example/x", "http://www.shop.example:8080/", true],
  ["https://shop.co.uk/", "https://other.co.uk/", false],
  ["https://a.github.io/", "https://b.github.io/", false],
  ["http://127.0.0.1:1/", "http://127.0.0.1:2/", true],
  ["http://127.0.0.1/", "http://localhost/", false],
  ["http://127.0.0.1/", "http://127.0.0.2/", false],
  ["http://[::1]/", "http://[::1]:8080/", true],
  ["http://intranet/", "http://intranet/x", true],
  ["https://shop.example/", "https://shop.example.evil.example/", false],
  ["https://co.uk/", "https://shop.co.uk/", false],
  ["about:blank", "about:blank", false],
  ["", "", false],
  ["https://", "x", false],
] as const) {
  test(`[K1] ${one} and ${other} are ${same ? "one site" : "two sites"}`, () => {
    expect(isSameSite(one, other)).toBe(same);
  });
}
