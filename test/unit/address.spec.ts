/** Which addresses a server may be sent to on somebody else's word: every special range, in every spelling. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { isPublicAddress, type OwnAddresses } from "../../src/egress/address.ts";
import { allowedAddresses, refuseHost } from "../../src/egress/destination.ts";
import type { Resolve } from "../../src/egress/resolver.ts";

const NOTHING_ELSE = { allow: [], neverPorts: () => new Set<number>(), demoOrigin: () => undefined };

function refusePrivateHost(url: string, field: string, own?: OwnAddresses): void {
  refuseHost(url, field, { ...NOTHING_ELSE, allowPrivate: false, own });
}

function checkedAddresses(url: URL, given: { allowPrivate: boolean; resolve: Resolve; own?: OwnAddresses }) {
  return allowedAddresses(url, { ...NOTHING_ELSE, ...given });
}

const PRIVATE: Readonly<Record<string, readonly string[]>> = {
  "this host": ["0.0.0.0", "0.255.255.255", "::"],
  loopback: ["127.0.0.1", "127.255.255.254", "::1"],
  "private networks": ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"],
  "link-local, clouds' metadata among them": ["169.254.0.1", "169.254.169.254", "169.254.170.2", "fe80::1", "febf::1"],
  "carriers' NAT, Alibaba's metadata among them": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
  "unique local, Amazon's metadata among them": ["fc00::1", "fd00:ec2::254", "fdff:ffff::1"],
  "site-local": ["fec0::1", "feff::1"],
  "Azure's host agent": ["168.63.129.16"],
  "Oracle's metadata": ["192.0.0.192"],
  multicast: ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
  broadcast: ["255.255.255.255"],
  "reserved, for papers, for measuring": [
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "198.18.0.1",
    "198.19.255.255",
    "240.0.0.1",
    "254.255.255.255",
    "2001:db8::1",
    "3fff::1",
    "100::1",
  ],
  "IPv4 in IPv6 clothes": [
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "0:0:0:0:0:ffff:a9fe:a9fe",
    "::127.0.0.1",
    "::7f00:1",
    "::ffff:0:127.0.0.1",
  ],
  "translated and tunnelled IPv4": ["64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"],
  "not given out": ["4000::1", "1::1", "8000::1", "f000::1"],
  "no address": ["", "localhost", "example.org", "999.1.1.1"],
};

for (const [name, addresses] of Object.entries(PRIVATE)) {
  test(`not public: ${name}`, () => {
    expect(addresses.filter(isPublicAddress)).toEqual([]);
  });
}

test("public is the rest, up to the edges of every range", () => {
  const edges = ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"];
  const more = ["100.63.255.255", "100.128.0.0", "169.253.255.255", "169.255.0.0", "126.255.255.255", "128.0.0.1"];
  const others = ["1.1.1.1", "168.63.129.15", "168.63.129.17", "223.255.255.255", "2606:4700::1111", "::ffff:8.8.8.8"];
  expect([...edges, ...more, ...others].filter((address) => !isPublicAddress(address))).toEqual([]);
});

test("an IPv4 address is judged the same in IPv6 clothes, and in every spelling that a URL knows", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), ([a = 0, b = 0, c = 0, d = 0]) => {
      const dotted = `${a}.${b}.${c}.${d}`;
      const number = ((a * 256 + b) * 256 + c) * 256 + d;
      const isPublic = isPublicAddress(dotted);
      expect(isPublicAddress(`::ffff:${dotted}`)).toBe(isPublic);
      const octal = [a, b, c, d].map((part) => `0${part.toString(8)}`).join(".");
      const short = `${a}.${b}.${c * 256 + d}`;
      for (const host of [dotted, `${number}`, `0x${number.toString(16)}`, octal, short, `[::ffff:${dotted}]`]) {
        const refuse = () => refusePrivateHost(`https://${host}/hook`, "callback_url");
        if (isPublic) refuse();
        else expect(refuse, host).toThrow(expect.objectContaining({ code: "url_not_allowed" }));
      }
    }),
  );
});

for (const host of [
  "localhost",
  "LOCALHOST",
  "localhost.",
  "hooks.localhost",
  "127.1",
  "0",
  "[::1]",
  "[fd00:ec2::254]",
]) {
  test(`refused before anything is asked, naming the field: ${host}`, () => {
    expect(() => refusePrivateHost(`http://${host}:8080/`, "callback_url")).toThrow(
      expect.objectContaining({
        code: "url_not_allowed",
        details: expect.objectContaining({ field: "callback_url", why: expect.stringContaining("a private address") }),
      }),
    );
  });
}

test("a name passes until it is resolved", () => {
  refusePrivateHost("https://hooks.example.org/", "callback_url");
  refusePrivateHost("https://mylocalhost/", "callback_url");
});

test("a name is checked by all that it resolves to: one private address among them refuses it", async () => {
  const url = new URL("https://hooks.example.org/");
  const check = (addresses: readonly string[], allowPrivate = false) =>
    checkedAddresses(url, { allowPrivate, resolve: async () => addresses });
  expect(await check(["93.184.215.14", "2606:4700::1111"])).toEqual([
    { address: "93.184.215.14", family: 4 },
    { address: "2606:4700::1111", family: 6 },
  ]);
  for (const hidden of ["127.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "nonsense"]) {
    await expect(check(["93.184.215.14", hidden])).rejects.toMatchObject({ code: "url_not_allowed" });
  }
  expect(await check(["127.0.0.1"], true)).toEqual([{ address: "127.0.0.1", family: 4 }]);
});

test("this machine's own public addresses are none to connect to, nor its neighbours in an IPv6 network", async () => {
  const own = () => ["127.0.0.1/8", "93.184.215.14/24", "2a02:db9:1:2::5/64", "fe80::1/64"];
  const resolve = async () => ["2606:4700::1111", "93.184.215.14"];
  const refused = { code: "url_not_allowed", details: { field: "url", why: expect.stringContaining("own") } };
  const check = (host: string, allowPrivate = false) =>
    checkedAddresses(new URL(`https://${host}/`), { allowPrivate, resolve, own });
  for (const host of [
    "93.184.215.14",
    "[::ffff:93.184.215.14]",
    "[2a02:db9:1:2::5]",
    "[2a02:db9:1:2:ffff::1]",
    "a.test",
  ]) {
    await expect(check(host), host).rejects.toMatchObject(refused);
    expect(await check(host, true)).not.toEqual([]);
  }
  for (const host of ["93.184.215.15", "[2a02:db9:1:3::5]"]) expect(await check(host)).toHaveLength(1);
  const refuse = () => refusePrivateHost("http://93.184.215.14:6379/", "callback_url", own);
  expect(refuse).toThrow(expect.objectContaining({ code: "url_not_allowed" }));
});

test("a literal address is not resolved, and checked all the same", async () => {
  const resolve = () => Promise.reject(new Error("nobody is to be asked"));
  const check = (url: string) => checkedAddresses(new URL(url), { allowPrivate: false, resolve });
  expect(await check("http://[2606:4700::1111]:81/")).toEqual([{ address: "2606:4700::1111", family: 6 }]);
  await expect(check("http://0x7f000001/")).rejects.toMatchObject({ code: "url_not_allowed" });
});
