/** Who is counted, and as whom: connections and failed authentications. */
import { expect, test } from "@playwright/test";
import { ConnectionLimits } from "../../src/http/guards/connection-limits.ts";
import { FailedAuthentications } from "../../src/http/guards/failed-authentications.ts";

function taker(bounds: { maxConnections: number; maxConnectionsPerAddress: number }) {
  const connections = new ConnectionLimits(bounds);
  return (ip: string | undefined) => {
    try {
      return connections.take(ip);
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
}

test("an address has its share, the server its size, and what is given back can be taken once more", () => {
  const take = taker({ maxConnections: 4, maxConnectionsPerAddress: 2 });
  const release = take("192.0.2.1");
  expect(take("192.0.2.1")).toBeInstanceOf(Function);
  expect(take("192.0.2.1")).toBe("rate_limited");
  expect(take("192.0.2.2")).toBeInstanceOf(Function);
  expect(take("192.0.2.3")).toBeInstanceOf(Function);
  expect(take("192.0.2.4")).toBe("capacity");
  if (typeof release !== "function") throw new Error("The first one was refused.");
  release();
  release();
  expect(take("192.0.2.4")).toBeInstanceOf(Function);
  expect(take("192.0.2.4")).toBe("capacity");
});

test("one network of IPv6 is one address, IPv4 in IPv6 is IPv4, and a socket file or nonsense is somebody too", () => {
  for (const [first, second, same] of [
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["::ffff:192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    [undefined, undefined, true],
    ["x".repeat(100), "x".repeat(10_000), true],
  ] as const) {
    const take = taker({ maxConnections: 9, maxConnectionsPerAddress: 1 });
    take(first);
    expect(typeof take(second), `${first} ${second}`.slice(0, 60)).toBe(same ? "string" : "function");
  }
});

test("failures of an address count for a minute", () => {
  let now = 0;
  const failed = new FailedAuthentications(3, () => now);
  for (let time = 0; time < 3; time += 1) {
    expect(failed.isExceeded("192.0.2.1")).toBe(false);
    failed.count("192.0.2.1");
    now += 1_000;
  }
  expect(failed.isExceeded("192.0.2.1")).toBe(true);
  expect(failed.isExceeded("192.0.2.2")).toBe(false);
  now = 59_999;
  expect(failed.isExceeded("192.0.2.1")).toBe(true);
  now = 60_000;
  expect(failed.isExceeded("192.0.2.1")).toBe(false);
});

test("however many addresses guess, few are remembered, and the newest are", () => {
  const failed = new FailedAuthentications(1, () => 0);
  for (let number = 0; number < 30_000; number += 1) failed.count(`10.0.${number >> 8}.${number & 255}`);
  expect(failed.addresses).toBe(10_000);
  expect(failed.isExceeded("10.0.117.47")).toBe(true);
  expect(failed.isExceeded("10.0.0.0")).toBe(false);
});
