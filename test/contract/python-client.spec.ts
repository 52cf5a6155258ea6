/** The Python client beside the server's own code: the same codes, fields and waits; its own tests pass. */
import { execFile, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "@playwright/test";
import { Webhook } from "standardwebhooks";
import type { z } from "zod";
import { PROFILES } from "../../src/client/retry-policy.ts";
import { CODES } from "../../src/errors.ts";
import { CODE_RESULTS } from "../../src/protocol/code-answers.ts";
import { captchaInfoSchema, LIVING_STATES, SESSION_STATES } from "../../src/protocol/common.ts";
import { linkAnswerSchema, ticketAnswerSchema } from "../../src/protocol/links.ts";
import {
  cdpTargetSchema,
  completionSchema,
  createSessionSchema,
  evidenceSchema,
  resultSchema,
  ruleSchema,
  sessionAnswerSchema,
  sessionListItemSchema,
  statusSchema,
} from "../../src/protocol/rest.ts";
import { watchProgram } from "../support/programs.ts";
import { CLIENT_FOLDER, PYTHON_ENV, pythonWith, ROOT } from "../support/python.ts";
import { SECRET } from "../support/webhook-receiver.ts";

const run = promisify(execFile);
const options = { env: PYTHON_ENV, cwd: ROOT };

const fieldsOf = ({ shape }: { shape: z.core.$ZodShape }) => Object.keys(shape).sort();
const SHAPES = {
  CreateSession: createSessionSchema,
  CdpTarget: cdpTargetSchema,
  Completion: completionSchema,
  SessionAnswer: sessionAnswerSchema,
  SessionStatus: statusSchema,
  SessionResult: resultSchema,
  SessionListItem: sessionListItemSchema,
  LinkAnswer: linkAnswerSchema,
  TicketAnswer: ticketAnswerSchema,
  CaptchaInfo: captchaInfoSchema,
  Evidence: evidenceSchema,
};

test("the Python client has the server's codes, states, fields, rules and waits, and the package's version", async () => {
  const { stdout } = await run("python3", ["test/support/python/client_facts.py"], options);
  const facts = JSON.parse(stdout);
  const { version } = JSON.parse(await readFile(`${ROOT}package.json`, "utf8"));
  expect(facts.version).toBe(version);
  expect(await readFile(`${CLIENT_FOLDER}/pyproject.toml`, "utf8")).toContain(`\nversion = "${version}"\n`);
  expect(facts.codes).toEqual(Object.keys(CODES));
  expect(facts.states).toEqual(SESSION_STATES);
  expect(facts.living).toEqual(LIVING_STATES);
  expect(facts.codeResults).toEqual(Object.keys(CODE_RESULTS));
  expect(facts.shapes).toEqual(
    Object.fromEntries(Object.entries(SHAPES).map(([name, schema]) => [name, fieldsOf(schema)])),
  );
  expect(facts.rules).toEqual(ruleSchema.options.map(fieldsOf).sort());
  const waits = Object.entries(PROFILES.operator).map(([loss, { firstMs, longestMs, tries, atOnce }]) => [
    loss,
    [firstMs, longestMs, Number.isFinite(tries) ? tries : null, atOnce ?? false],
  ]);
  expect(facts.feedRules).toEqual(Object.fromEntries(waits));
});

test("both Python clients have the same methods, and docs/python.md has all of them", async () => {
  const { stdout } = await run("python3", ["test/support/python/client_facts.py"], options);
  const { methods, asyncMethods, later } = JSON.parse(stdout);
  expect(asyncMethods).toEqual(methods);
  expect(later).toEqual(
    Object.keys(methods)
      .filter((name) => name !== "feed")
      .sort(),
  );
  const text = await readFile(`${ROOT}docs/python.md`, "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)\(/gm)].map(([, name]) => name);
  expect(rows.toSorted()).toEqual(Object.keys(methods).sort());
});

test("the Python client's own tests pass: the guard, webhooks, aborts, streams, relays, Python 3.9", async () => {
  const args = ["-W", "error", "-m", "unittest", "discover", "-s", "tests", "-b"];
  // Those of whole relays need the package websockets, and are skipped without it.
  const python = pythonWith("websockets") ?? "python3";
  const tests = watchProgram(spawn(python, args, { env: PYTHON_ENV, cwd: CLIENT_FOLDER, stdio: "pipe" }));
  expect(await tests.exitCode, tests.out()).toBe(0);
  expect(tests.out()).toMatch(/Ran \d\d tests/);
});

test("what signs the server's webhooks satisfies the Python check", async () => {
  const body = JSON.stringify({ id: "evt_1", type: "session.ended", data: { note: "你好" } });
  const now = new Date();
  const headers = {
    "webhook-id": "evt_1",
    "webhook-timestamp": String(Math.floor(now.getTime() / 1_000)),
    "webhook-signature": new Webhook(SECRET).sign("evt_1", now, body),
  };
  const code = "import sys, json, captcha_remote as c; print(json.dumps(c.verify_webhook(*json.loads(sys.argv[1]))))";
  const { stdout } = await run("python3", ["-c", code, JSON.stringify([body, headers, SECRET])], options);
  expect(JSON.parse(stdout)).toEqual(JSON.parse(body));
});
