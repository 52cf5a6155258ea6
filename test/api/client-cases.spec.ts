/** The SDK and the Python clients do the same: each case of client-cases.json, by each client. */
import { test as base, expect } from "@playwright/test";
import { z } from "zod";
import {
  CASES,
  CLIENTS,
  type ClientCase,
  clientsOf,
  type NotedRequest,
  type Outcome,
  outcomeSchema,
  runWithSdk,
  StandIn,
  WRITTEN,
  withoutDrawn,
} from "../support/client-cases.ts";
import { startScript } from "../support/python.ts";

interface Played {
  readonly standIn: StandIn;
  /** By number of the case and of the client. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

const test = base.extend<object, { played: Played }>({
  /** All cases by all clients at once, as most of their time is waiting; the Python ones in one process. */
  played: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
    async ({}, use) => {
      const standIn = await StandIn.start();
      const python = startScript("client_cases.py", standIn.origin, standIn.nobody, JSON.stringify(WRITTEN));
      const own = CASES.map(async (one, index): Promise<[string, Outcome]> => {
        return [`${index}/${CLIENTS.indexOf("TypeScript")}`, await runWithSdk(standIn, index, one)];
      });
      const outcomes = new Map(await Promise.all(own));
      expect(await python.exitCode, python.out()).toBe(0);
      const told = z.record(z.string(), outcomeSchema).parse(JSON.parse(python.out()));
      for (const [place, outcome] of Object.entries(told)) outcomes.set(place, outcome);
      await use({ standIn, outcomes });
      await standIn.stop();
    },
    { scope: "worker" },
  ],
});

// All are played once: each worker would play them again.
test.describe.configure({ mode: "default" });

for (const [index, one] of CASES.entries()) {
  for (const client of clientsOf(one)) {
    test(`${one.name} (${client})`, async ({ played }) => {
      const outcome = played.outcomes.get(`${index}/${CLIENTS.indexOf(client)}`);
      expectOutcome(outcome, one);
      // A goodbye may be said in the background.
      const requests = () => withoutDrawn(played.standIn.requestsOf(index, client));
      if (one.requests) await expect.poll(() => requests().length).toBeGreaterThanOrEqual(one.requests.length);
      expectRequests(requests(), one);
    });
  }
}

function expectOutcome(outcome: Outcome | undefined, { expect: expected }: ClientCase): void {
  const { states = [], links = [], ...end } = outcome ?? {};
  if (expected.error) {
    const { message = "", ...facts } = expected.error;
    expect(end).toMatchObject({ error: { ...facts, message: expect.stringContaining(message) } });
  } else {
    const { states: _states, links: _links, ...expectedEnd } = expected;
    expect(end).toEqual(expectedEnd);
  }
  if (expected.states) expect(states).toEqual(expected.states);
  if (expected.links) expect(links).toEqual(expected.links);
}

function expectRequests(noted: readonly NotedRequest[], one: ClientCase): void {
  const lines = noted.map(({ method, path }) => `${method} ${path}`);
  if (one.requests) expect(lines).toEqual(one.requests.map(({ to }) => to));
  for (const [place, expected] of (one.requests ?? []).entries()) {
    const request = noted[place];
    for (const [name, value] of Object.entries(expected.headers))
      expect(request?.headers[name]).toBe(value ?? undefined);
    if (expected.body !== undefined) expect(request?.body).toEqual(expected.body);
    const before = noted[place - 1]?.at ?? 0;
    if (expected.notBeforeMs !== undefined) {
      expect((request?.at ?? 0) - before).toBeGreaterThanOrEqual(expected.notBeforeMs);
    }
  }
  if (one.firstRequest !== undefined) expect(lines[0]).toBe(one.firstRequest);
  if (one.lastRequest !== undefined) expect(lines.at(-1)).toBe(one.lastRequest);
  if (one.mostRequests !== undefined) expect(lines.length).toBeLessThanOrEqual(one.mostRequests);
  if (one.leastRequests !== undefined) expect(lines.length).toBeGreaterThanOrEqual(one.leastRequests);
}
