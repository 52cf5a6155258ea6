/** [R18] The Python clients' feeds: they come back by themselves, tell nothing twice, and say where something may be missing. */
import { z } from "zod";
import type { FeedEvent } from "../../src/protocol/events.ts";
import { expect } from "../support/fixtures.ts";
import { startFeedReader } from "../support/python.ts";
import { startRelay } from "../support/relay.ts";
import { test as withServers } from "../support/requests.ts";

const CLIENTS = ["Python", "Python asyncio"] as const;
const lineSchema = z.looseObject({
  client: z.enum(CLIENTS),
  id: z.string().optional(),
  live: z.boolean().optional(),
  gap: z.number().optional(),
  closed: z.number().nullish(),
  error: z.string().optional(),
  topics: z.array(z.string()).optional(),
});
type Line = z.output<typeof lineSchema>;

interface Reader {
  /** What a client has told so far. */
  told(client: (typeof CLIENTS)[number]): Line[];
  /** Waits until both have told this. */
  both(what: (lines: Line[]) => unknown, value: unknown): Promise<void>;
  /** Closes both feeds, and waits for the program's end. */
  close(): Promise<void>;
}

const test = withServers.extend<{ read: (baseUrl: string, after: string, ...topics: string[]) => Reader }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  read: async ({}, use) => {
    const programs: ReturnType<typeof startFeedReader>[] = [];
    await use((...args) => {
      const program = startFeedReader(...args);
      programs.push(program);
      const lines = () => {
        // What follows the last line break is not whole yet.
        const whole = program.out().split("\n").slice(0, -1);
        return whole.map((line) => lineSchema.parse(JSON.parse(line)));
      };
      const told: Reader["told"] = (client) => lines().filter((line) => line.client === client);
      return {
        told,
        both: async (what, value) => {
          for (const client of CLIENTS) await expect.poll(() => what(told(client)), program.out()).toEqual(value);
        },
        close: async () => {
          program.endInput();
          expect(await program.exitCode, program.out()).toBe(0);
        },
      };
    });
    for (const program of programs) program.kill();
  },
});

const SUBJECT = { uid: "uid-one", owner: null, label: "shop" };
const live = (lines: Line[]) => lines.some((line) => line.live);
const ids = (lines: Line[]) => lines.flatMap(({ id }) => id ?? []);
const gaps = (lines: Line[]) => lines.flatMap(({ gap }) => gap ?? []);

function eventOf(id: string): FeedEvent {
  return { id, type: "session.control", timestamp: new Date().toISOString(), data: { session_id: "one", holder: id } };
}

test("[R18] a line that is cut before the first event and again and again: each event once, in order; then it is closed", async ({
  startServer,
  read,
}) => {
  const server = await startServer();
  const relay = await startRelay(server.url);
  const reader = read(relay.url, "", "label:shop", "sessions");
  await reader.both(live, true);
  const all = Array.from({ length: 400 }, (_, index) => `e${index}`);
  for (const [index, id] of all.entries()) {
    // What is published while the line is away is asked for.
    if (index % 150 === 0) await relay.cut();
    server.events.publish(SUBJECT, eventOf(id));
    if (index % 150 === 20) {
      await relay.mend();
      await reader.both((lines) => ids(lines).length > index, true);
    }
  }
  await reader.both(ids, all);
  await reader.both(gaps, []);
  for (const client of CLIENTS) {
    expect(
      reader
        .told(client)
        .find(({ id }) => id === "e0")
        ?.topics?.toSorted(),
    ).toEqual(["label:shop", "sessions"]);
  }
  await reader.close();
  await reader.both((lines) => typeof lines.at(-1)?.closed, "number");
  await relay.close();
});

test("[R18] a feed that goes on after more than is kept says that there is a gap, and so does one of a server that has lost its data", async ({
  startServer,
  read,
}) => {
  const server = await startServer();
  for (let count = 0; count < 10_005; count += 1) server.events.publish(SUBJECT, eventOf(`e${count}`));
  const old = read(server.url, "1", "sessions");
  await old.both(gaps, [1]);
  await old.both((lines) => ids(lines).length > 9_900 && ids(lines).at(-1), "e10004");
  await old.close();
  const ahead = read(server.url, "1000000000", "sessions");
  await ahead.both(gaps, [1e9]);
  await ahead.both(live, true);
  server.events.publish(SUBJECT, eventOf("next"));
  await ahead.both(ids, ["next"]);
  await ahead.close();
});

test("[R18] a topic that is refused ends the feed with its code", async ({ startServer, read }) => {
  const server = await startServer();
  const reader = read(server.url, "", "sessions", "session:unknown");
  await reader.both((lines) => lines.map(({ error }) => error), ["session_not_found"]);
});
