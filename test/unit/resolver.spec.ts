/** Names of the hosts file are resolved at once, and silent name servers block no other name. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect } from "@playwright/test";
import { makeResolver } from "../../src/egress/resolver.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { expectWithin } from "../support/pace.ts";

const test = base.extend<{ silent: string; hosts: (text: string) => Promise<string> }>({
  /** A name server that never answers. */
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  silent: async ({}, use) => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    await use(`127.0.0.1:${(socket.address() as AddressInfo).port}`);
    socket.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  hosts: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    await use(async (text) => {
      const path = join(folder, "hosts");
      await writeFile(path, text);
      return path;
    });
    await rm(folder, { recursive: true, force: true });
  },
});

test("names that are never answered hold up no other name @long", async ({ silent, hosts }) => {
  const hostsFile = await hosts("192.0.2.7\tvictim.test shop.test # a comment other.test\n\n2001:db8::7 Victim.test\n");
  const resolve = makeResolver({ servers: [silent], hostsFile, answerWithinMs: 600 });
  const never = Array.from({ length: 100 }, (_, number) => resolve(`silent-${number}.test`).catch(() => "failed"));
  const start = performance.now();
  expect(await resolve("victim.test")).toEqual(["192.0.2.7", "2001:db8::7"]);
  expect(await resolve("SHOP.test.")).toEqual(["192.0.2.7"]);
  // The system's own way is free too.
  expect(await resolve("localhost")).not.toEqual([]);
  expectWithin(performance.now() - start, 1_500);
  expect(new Set(await Promise.all(never))).toEqual(new Set(["failed"]));
  await expect(resolve("other.test")).rejects.toMatchObject({ code: expect.stringMatching(/^E/) });
});

test("the hosts file is read again when it has changed", async ({ silent, hosts }) => {
  const hostsFile = await hosts("192.0.2.1 one.test\n");
  const resolve = makeResolver({ servers: [silent], hostsFile });
  expect(await resolve("one.test")).toEqual(["192.0.2.1"]);
  await hosts("192.0.2.1 one.test\n192.0.2.22 two.test\n");
  expect(await resolve("two.test")).toEqual(["192.0.2.22"]);
  expect(await makeResolver({ hostsFile: "/nowhere/hosts" })("localhost")).not.toEqual([]);
});
