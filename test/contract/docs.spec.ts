/** The papers say what the code says, and nothing else: codes, messages, states, kinds and variables. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@playwright/test";
import { challengesPage } from "../../scripts/challenges.ts";
import { configurationPage, environmentExample } from "../../scripts/configuration.ts";
import { KNOWN_KINDS } from "../../src/browser/challenge/kinds.ts";
import { MOVES as CONNECTION_MOVES, classOf, PROFILES } from "../../src/client/retry-policy.ts";
import { challengeKindSchema, loadConfig } from "../../src/config.ts";
import { ENVIRONMENT } from "../../src/environment.ts";
import { CODES, type Code, codeEntry } from "../../src/errors.ts";
import { ACTIONS } from "../../src/protocol/audit.ts";
import { SESSION_STATES, type SessionState } from "../../src/protocol/common.ts";
import { embedMessageSchema, embedRequestSchema } from "../../src/protocol/embedding.ts";
import { PROGRESS, sessionEventSchema } from "../../src/protocol/events.ts";
import { GAUGES } from "../../src/protocol/health.ts";
import { clientMessageSchema, serverMessageSchema } from "../../src/protocol/live.ts";
import { createSessionSchema, ruleSchema } from "../../src/protocol/rest.ts";
import { METHODS } from "../../src/relay/methods.ts";
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

test("docs/protocol/bots.md has every code with its status, its close code and its sentence, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol/bots.md"), "code", "HTTP", "close");
  expect(rows.map(([code, status, close, sentence]) => [code, status, close, sentence])).toEqual(
    Object.keys(CODES).map((code) => {
      const { status, close, message } = codeEntry(code as Code);
      return [`\`${code}\``, String(status ?? "-"), String(close ?? "-"), message];
    }),
  );
});

test("[S1] docs/protocol/bots.md has every state with its moves, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol/bots.md"), "state", "meaning", "moves to");
  const table = Object.fromEntries(rows.map((row) => [subject(row), codeWords(row[2])]));
  expect(table).toEqual(MOVES);
  expect(Object.keys(table)).toEqual(SESSION_STATES satisfies readonly SessionState[]);
});

for (const [heading, schema] of [
  ["Client to server", clientMessageSchema],
  ["Server to client", serverMessageSchema],
] as const) {
  test(`[W1] docs/protocol/operator-socket.md, ${heading}: every message with its fields, and no other`, async () => {
    const rows = rowsOf(section(await read("docs/protocol/operator-socket.md"), heading), "type", "fields");
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

test("[W58] docs/protocol/operator-socket.md has every message of an embedded console with its fields, and no other", async () => {
  const text = await read("docs/protocol/operator-socket.md");
  for (const [header, schema] of [
    ["to the parent", embedMessageSchema],
    ["to the console", embedRequestSchema],
  ] as const) {
    const rows = rowsOf(text, header, "fields");
    expect(rows.map((row) => [subject(row), ["captcha_remote", "type", ...codeWords(row[1])]])).toEqual(
      schema.options.map(({ shape }) => [shape.type.value, Object.keys(shape)]),
    );
  }
});

test("[R30] docs/embedding.md has every attribute and every event of the element, and no other", async () => {
  const [text, code] = await Promise.all([read("docs/embedding.md"), read("public/element.js")]);
  const observed = /observedAttributes = \[([^\]]*)\]/.exec(code)?.[1] ?? "";
  const attributes = [...observed.matchAll(/"(\w+)"/g)].map(([, name]) => name);
  expect(rowsOf(text, "attribute", "meaning").map(subject)).toEqual([...attributes, "title"]);
  const events = [...code.matchAll(/^ {2}\["\w+", "(\w+)"\],$/gm)].map(([, name]) => name);
  const rows = rowsOf(text, "event", "`detail`");
  expect(rows.map(subject)).toEqual([...events, "unreachable"]);
  // An event carries what its message does.
  const fields = embedMessageSchema.options.map(({ shape }) => Object.keys(shape).slice(2));
  expect(rows.map((row) => codeWords(row[1]))).toEqual([...fields, ["reason"]]);
});

test("[R10] docs/protocol/bots.md shows every field of a creation, and no other", async () => {
  const example = /```jsonc\n([\s\S]*?)```/.exec(section(await read("docs/protocol/bots.md"), "Create"))?.[1] ?? "";
  const fields = [...example.matchAll(/^ {2}"(\w+)":/gm)].map(([, field]) => field);
  expect(fields.toSorted()).toEqual(Object.keys(createSessionSchema.shape).toSorted());
});

test("[W57] docs/protocol/relay.md has every method that a bot lets through, with its arguments, and no other", async () => {
  const text = await read("docs/protocol/relay.md");
  for (const [heading, methods] of [
    ["Without a session", METHODS.browser],
    ["In a session", METHODS.session],
  ] as const) {
    const rows = rowsOf(section(text, heading), "method", "arguments");
    expect(rows.map(subject)).toEqual(methods.map(({ name }) => name));
    for (const [index, { name, names }] of methods.entries()) {
      const said = codeWords(rows[index]?.[1]);
      expect(
        names.filter((argument) => !said.includes(argument)),
        name,
      ).toEqual([]);
    }
  }
});

test("[R14] docs/protocol/events.md has every event with its fields, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol/events.md"), "event", "data");
  expect(rows.map((row) => [subject(row), codeWords(row[1])])).toEqual(
    sessionEventSchema.options.map(({ shape }) => [shape.type.value, Object.keys(shape.data.shape)]),
  );
});

test("[R14] docs/protocol/events.md has every step of the progress with its percentage and its sentence", async () => {
  const rows = rowsOf(await read("docs/protocol/events.md"), "step", "percentage");
  expect(rows.map((row) => [subject(row), row[1], row[2]])).toEqual(
    Object.entries(PROGRESS).map(([step, { percentage, message }]) => [step, String(percentage), message]),
  );
});

test("[R21] docs/protocol/bots.md has every completion rule, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol/bots.md"), "rule", "true when");
  const keys = rows.map((row) => [...subject(row).matchAll(/"(\w+)":/g)].map(([, key]) => key));
  expect(keys).toEqual(ruleSchema.options.map(({ shape }) => Object.keys(shape)));
});

test("docs/challenges.md is what the table of kinds generates, with every kind and every field of a kind", async () => {
  const text = await read("docs/challenges.md");
  expect(text).toBe(challengesPage());
  expect(rowsOf(text, "kind", "vendor").map(subject)).toEqual(KNOWN_KINDS.map(({ kind }) => kind));
  const fields = rowsOf(text, "field", "bounds").map(subject);
  expect(fields.toSorted()).toEqual(Object.keys(challengeKindSchema.shape).toSorted());
  const example = JSON.parse(/```json\n([\s\S]*?)```/.exec(text)?.[1] ?? "");
  expect(challengeKindSchema.array().safeParse(example).error).toBeUndefined();
});

test("docs/configuration.md and .env.example are what the table of variables generates", async () => {
  expect(await read("docs/configuration.md")).toBe(configurationPage());
  expect(await read(".env.example")).toBe(environmentExample());
});

test("docs/configuration.md has every variable of the configuration, and no other", async () => {
  const text = await read("docs/configuration.md");
  const rows = text.split("\n").filter((line) => /^\| `[A-Z][A-Z_]+` \|/.test(line));
  expect(rows.map((row) => codeWords(row)[0]).toSorted()).toEqual(Object.keys(ENVIRONMENT).toSorted());
});

test("[R17] docs/protocol/operations.md has every action of the audit trail with what it means, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol/operations.md"), "action", "when", "detail");
  expect(rows.map((row) => [subject(row), row[1]])).toEqual(Object.entries(ACTIONS));
});

test("[R20] docs/protocol/operations.md has every gauge with what it counts, and no other", async () => {
  const rows = rowsOf(await read("docs/protocol/operations.md"), "gauge", "how many");
  expect(rows.map((row) => [subject(row), row[1]])).toEqual(Object.entries(GAUGES));
});

test("docs/configuration.md shows the real defaults and ranges", async () => {
  const defaults = loadConfig({});
  const rows = rowsOf(await read("docs/configuration.md"), "variable", "default");
  const given = new Map(rows.map((row) => [subject(row), row[1]]));
  expect(
    ["HOST", "PORT", "LOG_LEVEL", "AUTH", "MAX_SESSIONS", "DEFAULT_TIMEOUT_SECONDS"].map((name) => given.get(name)),
  ).toEqual([defaults.host, defaults.port, defaults.logLevel, "on", defaults.maxSessions, 180].map(String));
  expect(["MAX_TIMEOUT_SECONDS", "RETENTION_SECONDS", "SHUTDOWN_SECONDS"].map((name) => given.get(name))).toEqual(
    [defaults.maxTimeoutSeconds, defaults.retentionSeconds, defaults.shutdownSeconds].map(String),
  );
  expect(given.get("KEEP_BROWSERS")).toBe("off");
  expect(given.get("CDP_ALLOW")).toBe("loopback:*");
  const ranges = new Map(rows.map((row) => [subject(row), row[3]]));
  expect(ranges.get("PORT")).toBe("0 to 65535");
  expect(() => loadConfig({ PORT: "65536" })).toThrow();
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

const ROOT = new URL("../../", import.meta.url);
const PROTOCOL = ["bots", "events", "mcp", "operator-socket", "relay", "operations"].map(
  (name) => `docs/protocol/${name}.md`,
);
/** Where no document of the project's own is. */
const OTHER_FOLDERS = /^(\.git|node_modules|test-results|playwright-report|dist|data|bench\/results)\//;

/** The headings of the protocol when it was one document: links from elsewhere name them. */
const OLD_ANCHORS =
  `1-words 2-a-sessions-life 3-rest 31-create-r10 32-result-r11 33-a-page-of-the-bots-own 34-events-r14
  35-webhooks 36-keys-and-scopes 37-operator-links-r13 38-the-audit-trail-r17 39-origins-and-hosts 310-limits
  311-where-a-page-may-go 312-the-history-r15 313-events-of-many-sessions-r18 314-metrics-r20 315-the-inbox-r19
  316-arrival-notices 317-traces 4-when-a-challenge-is-done 5-the-operator-socket-ws-wssession_id 51-client-to-server
  52-server-to-client 53-not-yet 6-known-kinds 7-codes 8-configuration`.split(/\s+/);

/** Every Markdown file of the project, as a path below its root. */
async function documents(): Promise<string[]> {
  const names = await readdir(ROOT, { recursive: true });
  return names.filter((name) => name.endsWith(".md") && !OTHER_FOLDERS.test(name) && !name.includes("/node_modules/"));
}

/** The text without code, in which brackets are no links. */
const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");

/** What a link to a part of this document may name: its headings as GitHub names them, and its own anchors. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id));
  const seen = new Map<string, number>();
  for (const [, heading = ""] of text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6} (.*)$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = words.replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
    const earlier = seen.get(slug) ?? 0;
    seen.set(slug, earlier + 1);
    anchors.add(earlier === 0 ? slug : `${slug}-${earlier}`);
  }
  return anchors;
}

/** The targets of a document's links and pictures, those of `[S1]: file.md#s1` too. */
function linksOf(text: string): string[] {
  const bare = withoutCode(text);
  // The text of a link is taken away with the code in it: [`bot.ts`](bot.ts) is [](bot.ts) here.
  const inline = [...bare.matchAll(/\]\(([^)\s]+)\)/g)];
  return [...inline, ...bare.matchAll(/^\[[^\]]+\]: (\S+)$/gm)].map(([, target = ""]) => target);
}

test("every link of every document leads to a file that is there, and to a heading that is in it", async () => {
  const broken: string[] = [];
  for (const path of await documents()) {
    for (const link of linksOf(await read(path))) {
      if (/^[a-z]+:/.test(link)) continue;
      const target = new URL(link, new URL(path, ROOT));
      const there = await stat(fileURLToPath(new URL(target.pathname, ROOT))).catch(() => undefined);
      const anchor = decodeURIComponent(target.hash.slice(1));
      if (!there) broken.push(`${path}: ${link}`);
      else if (anchor && !anchorsOf(await readFile(target, "utf8")).has(anchor)) broken.push(`${path}: ${link}`);
    }
  }
  expect(broken).toEqual([]);
});

test("the tree of the architecture page has every folder of src/ and public/, and nothing that is not there", async () => {
  const text = await read("docs/architecture.md");
  const tree = text.slice(text.indexOf("\nsrc/\n"), text.indexOf("\n```", text.indexOf("\nsrc/\n")));
  const shown: string[] = [];
  let top = "";
  let room = "";
  for (const line of tree.split("\n")) {
    const [, indent = "", names = ""] = /^( *)(.+?)(?: {2,}|$)/.exec(line) ?? [];
    for (const name of names.split(", ").filter(Boolean)) {
      if (indent === "") top = name;
      else if (indent.length === 2) room = name;
      const path = indent === "" ? name : indent.length === 2 ? top + name : top + room + name;
      expect(await stat(new URL(path, ROOT)).catch(() => undefined), path).toBeDefined();
      if (name.endsWith("/")) shown.push(path.replace(/\/$/, ""));
    }
  }
  const there: string[] = [];
  for (const folder of ["src", "public"]) {
    const entries = await readdir(new URL(folder, ROOT), { recursive: true, withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory());
    there.push(folder, ...folders.map(({ parentPath, name }) => relative(fileURLToPath(ROOT), join(parentPath, name))));
  }
  // public/console is only the folder of its three rooms.
  expect(shown.toSorted()).toEqual(there.filter((path) => path !== "public/console").toSorted());
});

test("links to the protocol of old, when it was one document, lead on from docs/protocol.md", async () => {
  const anchors = anchorsOf(await read("docs/protocol.md"));
  expect(OLD_ANCHORS.filter((anchor) => !anchors.has(anchor))).toEqual([]);
});

/** Each rule with the document that states it. A statement has an anchor, and the id in bold. */
async function statedRules(): Promise<[rule: string, path: string][]> {
  const rules: [string, string][] = [];
  for (const path of PROTOCOL) {
    const text = await read(path);
    for (const [, rule = ""] of text.matchAll(/\*\*\[([A-Z]\d+)\]\*\*/g)) {
      expect(text.split(`<a id="${rule.toLowerCase()}"></a>`), `${path}: the anchor of ${rule}`).toHaveLength(2);
      rules.push([rule, path]);
    }
  }
  return rules;
}

test("every rule is stated once in docs/protocol/, and every mention of a rule there is a link to its statement", async () => {
  const stated = await statedRules();
  expect(stated.map(([rule]) => rule).filter((rule, index, all) => all.indexOf(rule) !== index)).toEqual([]);
  const pathOf = new Map(stated);
  for (const path of [...PROTOCOL, "docs/sdk.md"]) {
    const text = await read(path);
    const mentioned = new Set([...withoutCode(text).matchAll(/\[([A-Z]\d+)\]/g)].map(([, rule = ""]) => rule));
    for (const rule of mentioned) {
      const target = /^\S+$/m.exec(text.split(`\n[${rule}]: `)[1] ?? "")?.[0] ?? "no link";
      const linked = new URL(target, new URL(path, ROOT)).href;
      expect(linked, `${path}: [${rule}]`).toBe(new URL(`${pathOf.get(rule)}#${rule.toLowerCase()}`, ROOT).href);
    }
  }
});

test("every rule that a test names is stated in docs/protocol/", async () => {
  const stated = new Set((await statedRules()).map(([rule]) => rule));
  const unknown: string[] = [];
  for (const name of await readdir(new URL("test/", ROOT), { recursive: true })) {
    if (!name.endsWith(".spec.ts")) continue;
    const titles = (await read(`test/${name}`)).matchAll(/\btest(?:\.\w+)?\(\s*["`](\[[^"`]*)/g);
    for (const [, title = ""] of titles) {
      for (const [, rule = ""] of title.matchAll(/\[([RSWKM]\d+)\]/g)) {
        if (!stated.has(rule)) unknown.push(`${name}: ${rule}`);
      }
    }
  }
  expect(unknown).toEqual([]);
});

test("every document that the code names is there", async () => {
  const missing: string[] = [];
  for (const name of await readdir(new URL("src/", ROOT), { recursive: true })) {
    if (!name.endsWith(".ts")) continue;
    for (const [path] of (await read(`src/${name}`)).matchAll(/\bdocs\/[\w/-]+\.md\b/g)) {
      if (!(await stat(new URL(path, ROOT)).catch(() => undefined))) missing.push(`${name}: ${path}`);
    }
  }
  expect(missing).toEqual([]);
});
