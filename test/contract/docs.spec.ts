/** The papers say what the code says, and nothing else: codes, messages, states, kinds and variables. */
import { readFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";
import { KNOWN_KINDS } from "../../src/browser/challenge/kinds.ts";
import { MOVES as CONNECTION_MOVES, classOf, PROFILES } from "../../src/client/retry-policy.ts";
import { loadConfig } from "../../src/config.ts";
import { ENVIRONMENT } from "../../src/environment.ts";
import { CODES, type Code, codeEntry } from "../../src/errors.ts";
import { ACTIONS } from "../../src/protocol/audit.ts";
import { SESSION_STATES, type SessionState } from "../../src/protocol/common.ts";
import { sessionEventSchema } from "../../src/protocol/events.ts";
import { GAUGES } from "../../src/protocol/health.ts";
import { clientMessageSchema, serverMessageSchema } from "../../src/protocol/live.ts";
import { createSessionSchema, ruleSchema } from "../../src/protocol/rest.ts";
import { CaptchaRemoteClient } from "../../src/sdk/client.ts";
import { MOVES } from "../../src/session/lifecycle/state-machine.ts";

/** Fields that every message may have; the papers tell of them once [W1]. */
const COMMON_FIELDS = ["type", "id"];

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

/** The rows of every table of a text whose header begins with these cells, as lists of cells. */
function rowsOf(text: string, ...header: string[]): string[][] {
  const rows: string[][] = [];
  let inside = false;
  for (const line of text.split("\n")) {
    const cells = line.startsWith("|")
      ? line
          .slice(1, -1)
          .split(" | ")
          .map((cell) => cell.trim())
      : null;
    if (!cells) inside = false;
    else if (header.every((cell, index) => cells[index] === cell)) inside = true;
    else if (inside && !cells[0]?.startsWith("---")) rows.push(cells);
  }
  return rows;
}

/** Everything in backticks. */
function codeWords(text = ""): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? "");
}

/** The word in backticks that a row is about. */
function subject([cell]: string[]): string {
  return codeWords(cell)[0] ?? "";
}

/** The part of the papers below the heading that begins with this. */
function section(text: string, heading: string): string {
  const [, after = ""] = text.split(new RegExp(`^#+ ${heading}`, "m"));
  const level = new RegExp(`^(#+) ${heading}`, "m").exec(text)?.[1]?.length ?? 1;
  return after.split(new RegExp(`^#{1,${level}} `, "m"))[0] ?? "";
}

test("docs/protocol.md has every code with its status, its close code and its sentence, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol.md"), "code", "HTTP", "close");
  expect(rows.map(([code, status, close, sentence]) => [code, status, close, sentence])).toEqual(
    Object.keys(CODES).map((code) => {
      const { status, close, message } = codeEntry(code as Code);
      return [`\`${code}\``, String(status ?? "-"), String(close ?? "-"), message];
    }),
  );
});

test("[S1] docs/protocol.md has every state with its moves, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol.md"), "state", "meaning", "moves to");
  const table = Object.fromEntries(rows.map((row) => [subject(row), codeWords(row[2])]));
  expect(table).toEqual(MOVES);
  expect(Object.keys(table)).toEqual(SESSION_STATES satisfies readonly SessionState[]);
});

for (const [heading, schema] of [
  ["5.1 Client to server", clientMessageSchema],
  ["5.2 Server to client", serverMessageSchema],
] as const) {
  test(`[W1] docs/protocol.md, ${heading}: every message with its fields, and no other`, async () => {
    const rows = rowsOf(section(await read("docs/protocol.md"), heading), "type", "fields");
    const table = Object.fromEntries(rows.map((row) => [subject(row), codeWords(row[1]).toSorted()]));
    const messages = schema.options.map(({ shape }) => [
      shape.type.value,
      Object.keys(shape)
        .filter((field) => !COMMON_FIELDS.includes(field))
        .toSorted(),
    ]);
    expect(table).toEqual(Object.fromEntries(messages));
    expect(rows).toHaveLength(messages.length);
  });
}

test("README.md and README.zh-CN.md name every message, and no other", async () => {
  for (const path of ["README.md", "README.zh-CN.md"]) {
    const text = await read(path);
    for (const [row, schema] of [
      [/^\| client to server \|(.*)\|$|^\| (?:客户端)[^|]*\|(.*)\|$/m, clientMessageSchema],
      [/^\| server to client \|(.*)\|$|^\| (?:服务器|服务端)[^|]*\|(.*)\|$/m, serverMessageSchema],
    ] as const) {
      const found = row.exec(text);
      const types = schema.options.map(({ shape }) => shape.type.value as string);
      expect(codeWords(found?.[1] ?? found?.[2]).toSorted(), path).toEqual(types.toSorted());
    }
  }
});

test("[R10] docs/protocol.md shows every field of a creation, and no other", async () => {
  const example = /```jsonc\n([\s\S]*?)```/.exec(section(await read("docs/protocol.md"), "3.1 Create"))?.[1] ?? "";
  const fields = [...example.matchAll(/^ {2}"(\w+)":/gm)].map(([, field]) => field);
  expect(fields.toSorted()).toEqual(Object.keys(createSessionSchema.shape).toSorted());
});

test("[R14] docs/protocol.md has every event with its fields, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol.md"), "event", "data");
  expect(rows.map((row) => [subject(row), codeWords(row[1])])).toEqual(
    sessionEventSchema.options.map(({ shape }) => [shape.type.value, Object.keys(shape.data.shape)]),
  );
});

test("[R21] docs/protocol.md has every completion rule, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol.md"), "rule", "true when");
  const keys = rows.map((row) => [...subject(row).matchAll(/"(\w+)":/g)].map(([, key]) => key));
  expect(keys).toEqual(ruleSchema.options.map(({ shape }) => Object.keys(shape)));
});

test("docs/protocol.md has every known kind with its selectors and frame URLs, in the order they are asked", async () => {
  const rows = rowsOf(await read("docs/protocol.md"), "kind", "selectors");
  expect(
    rows.map(([kind, selectors, frames]) => [codeWords(kind)[0], codeWords(selectors), codeWords(frames)]),
  ).toEqual(KNOWN_KINDS.map(({ kind, selectors, frame_urls }) => [kind, selectors, frame_urls]));
});

for (const path of ["docs/protocol.md", "README.md", "README.zh-CN.md"]) {
  test(`${path} has every variable of the configuration, and no other`, async () => {
    const text = await read(path);
    const rows = text.split("\n").filter((line) => /^\| `[A-Z][A-Z_]+` \|/.test(line));
    expect(rows.map((row) => codeWords(row)[0])).toEqual(Object.keys(ENVIRONMENT));
  });
}

test("[R17] docs/protocol.md has every action of the audit trail with what it means, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol.md"), "action", "when", "detail");
  expect(rows.map((row) => [subject(row), row[1]])).toEqual(Object.entries(ACTIONS));
});

test("[R20] docs/protocol.md has every gauge with what it counts, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol.md"), "gauge", "how many");
  expect(rows.map((row) => [subject(row), row[1]])).toEqual(Object.entries(GAUGES));
});

test("docs/protocol.md and README.md tell the real defaults", async () => {
  const defaults = loadConfig({});
  for (const path of ["docs/protocol.md", "README.md"]) {
    const given = new Map(rowsOf(await read(path), "variable", "default").map((row) => [subject(row), row[1]]));
    expect(
      ["HOST", "PORT", "LOG_LEVEL", "AUTH", "MAX_SESSIONS", "DEFAULT_TIMEOUT_SECONDS"].map((name) => given.get(name)),
    ).toEqual([defaults.host, defaults.port, defaults.logLevel, "on", defaults.maxSessions, 180].map(String));
    expect(["MAX_TIMEOUT_SECONDS", "RETENTION_SECONDS", "SHUTDOWN_SECONDS"].map((name) => given.get(name))).toEqual(
      [defaults.maxTimeoutSeconds, defaults.retentionSeconds, defaults.shutdownSeconds].map(String),
    );
  }
});

test(".env.example has every variable of the configuration, commented out, and its values can be used", async () => {
  const lines = (await read(".env.example")).split("\n");
  const assignments = lines.flatMap((line) => {
    const found = /^#?([A-Z][A-Z_]*)=(.*)$/.exec(line);
    return found ? [{ line, name: found[1] ?? "", value: found[2] ?? "" }] : [];
  });
  expect(assignments.map(({ name }) => name)).toEqual(Object.keys(ENVIRONMENT));
  expect(assignments.filter(({ line }) => !line.startsWith("#"))).toEqual([]);
  const env = Object.fromEntries(assignments.map(({ name, value }) => [name, value]));
  expect(loadConfig(env)).toEqual(loadConfig({}));
});

test("docs/sdk.md has the connection's states with their moves", async () => {
  const rows = rowsOf(await read("docs/sdk.md"), "state", "meaning", "moves to");
  expect(rows.map((row) => [subject(row), codeWords(row[2])])).toEqual(Object.entries(CONNECTION_MOVES));
});

test("docs/sdk.md has every wait of every profile, and what the close codes mean", async () => {
  const text = await read("docs/sdk.md");
  const said = rowsOf(text, "profile", "loss").map(([profile, loss, waits, tries]) => [
    ...codeWords(`${profile} ${loss}`),
    waits,
    tries,
  ]);
  const rules = Object.entries(PROFILES).flatMap(([profile, byLoss]) =>
    Object.entries(byLoss).map(([loss, { firstMs, longestMs, tries, atOnce }]) => [
      profile,
      loss,
      `${atOnce ? "at once, then " : ""}${firstMs / 1_000} to ${longestMs / 1_000} s`,
      tries === Number.POSITIVE_INFINITY ? "without end" : String(tries),
    ]),
  );
  expect(said).toEqual(rules);
  for (const row of rowsOf(text, "loss", "close codes")) {
    for (const [code] of (row[1] ?? "").matchAll(/\b\d{4}\b/g)) expect(classOf(Number(code))).toBe(subject(row));
  }
});

test("docs/sdk.md has every method of the client", async () => {
  const rows = rowsOf(await read("docs/sdk.md"), "method", "what");
  const methods = Object.getOwnPropertyNames(CaptchaRemoteClient.prototype);
  const inside = ["constructor", "waitInTurn"];
  expect(rows.map((row) => subject(row).split("(")[0]).sort()).toEqual(
    methods.filter((name) => !inside.includes(name)).sort(),
  );
});
