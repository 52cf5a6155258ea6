/** Where pages may go, by address, by name and by allow-list; and what no list opens. */
import { expect, test } from "@playwright/test";
import { allowedAddresses, type Destinations, urlPatternSchema, webUrl } from "../../src/egress/destination.ts";

const PUBLIC = "93.184.215.14";
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "site.example": [PUBLIC, "2606:4700::1111"],
  "inside.example": ["10.1.2.3"],
  "mixed.example": [PUBLIC, "10.1.2.3"],
  "shop.intranet.example": ["192.168.7.7"],
  "intranet.example": ["192.168.7.7"],
  "notintranet.example": ["192.168.7.7"],
  "here.example": ["127.0.0.1"],
  "metadata.google.internal": ["169.254.169.254"],
  "six.example": ["fd00::1"],
};

function destinations(
  given: Partial<Omit<Destinations, "allow">> & { readonly allow?: readonly string[] } = {},
): Destinations {
  return {
    allowPrivate: false,
    neverPorts: () => new Set([3000]),
    demoOrigin: () => undefined,
    resolve: async (name) => NAMES[name] ?? Promise.reject(Object.assign(new Error("unknown"), { code: "ENOTFOUND" })),
    own: () => ["127.0.0.1/8", "198.18.0.5/24", "2a02:db9:1:2::5/64"],
    ...given,
    allow: (given.allow ?? []).map((text) => urlPatternSchema.parse(text)),
  };
}

async function isAllowed(url: string, given: Parameters<typeof destinations>[0] = {}): Promise<boolean> {
  return allowedAddresses(new URL(url), destinations(given)).then(
    () => true,
    (error) => {
      expect(error).toMatchObject({ code: "url_not_allowed", details: { field: "url" } });
      return false;
    },
  );
}

test("the open internet is allowed, with all addresses of a name to pin", async () => {
  expect(await allowedAddresses(new URL("https://site.example/"), destinations())).toEqual([
    { address: PUBLIC, family: 4 },
    { address: "2606:4700::1111", family: 6 },
  ]);
});

test("a name is refused where any of its addresses is private, metadata's too", async () => {
  for (const host of ["inside.example", "mixed.example", "here.example", "metadata.google.internal", "six.example"]) {
    expect(await isAllowed(`https://${host}/`), host).toBe(false);
    expect(await isAllowed(`https://${host}/`, { allowPrivate: true }), host).toBe(true);
  }
});

test("names below localhost are this machine, whatever a resolver would say", async () => {
  const resolve = async () => [PUBLIC];
  for (const host of ["localhost", "a.localhost", "localhost.", "a.b.LOCALHOST."]) {
    expect(await isAllowed(`http://${host}/`, { resolve }), host).toBe(false);
  }
  expect(await isAllowed("http://notlocalhost/", { resolve })).toBe(true);
});

for (const [pattern, opened, closed] of [
  ["inside.example", ["http://inside.example/", "https://INSIDE.example.:8443/"], ["http://10.1.2.3/"]],
  ["inside.example:8080", ["http://inside.example:8080/"], ["http://inside.example/", "http://inside.example:80/"]],
  ["inside.example:*", ["http://inside.example:8080/"], ["http://shop.intranet.example/"]],
  [
    "*.intranet.example",
    ["http://shop.intranet.example/"],
    ["http://intranet.example/", "http://notintranet.example/"],
  ],
  ["*.intranet.example:8443", ["https://shop.intranet.example:8443/"], ["https://shop.intranet.example/"]],
  [
    "10.0.0.0/8",
    ["http://10.1.2.3:99/", "http://inside.example/", "http://[::ffff:10.1.2.3]/"],
    ["http://11.0.0.1.nip/"],
  ],
  ["10.1.2.3", ["http://10.1.2.3/", "http://167838211/"], ["http://10.1.2.4/"]],
  ["10.1.2.3:81", ["http://10.1.2.3:81/"], ["http://10.1.2.3/"]],
  [
    "[fd00::1]:8080",
    ["http://[fd00::1]:8080/", "http://six.example:8080/"],
    ["http://[fd00::1]/", "http://[fd00::2]:8080/"],
  ],
  ["fd00::/8", ["http://six.example/"], ["http://[fe80::1]/", "http://inside.example/"]],
  ["fd00::1", ["http://[fd00:0:0::1]:1/"], ["http://[fd00::2]/"]],
  [
    "loopback",
    ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]/", "http://here.example/"],
    ["http://0.0.0.0/"],
  ],
  ["loopback:81", ["http://localhost:81/", "http://[::ffff:127.9.9.9]:81/"], ["http://localhost/"]],
] as const) {
  test(`url_allow ${pattern} opens what it names and nothing else`, async () => {
    const resolve = async (name: string) => NAMES[name] ?? ["11.0.0.1", "192.168.0.1"];
    for (const url of opened) expect(await isAllowed(url, { allow: [pattern], resolve }), url).toBe(true);
    for (const url of closed) expect(await isAllowed(url, { allow: [pattern], resolve }), url).toBe(false);
  });
}

for (const text of [
  "",
  "*",
  "*.",
  "a b",
  "http://a.example",
  "a.example/path",
  "10.0.0.0/33",
  "a.example:0",
  "x:99999",
  "0x7f.1",
  "127.1",
  "[10.0.0.1]",
  "a@b",
  "-",
  "[::1",
  "a:b",
  "*.10.0.0.1",
]) {
  test(`"${text}" is no pattern of an allow-list`, () => {
    expect(urlPatternSchema.safeParse(text).success).toBe(false);
  });
}

test("no list and no switch opens this server's own ports, by any address of this machine", async () => {
  const open = { allowPrivate: true, allow: ["loopback", "here.example", "127.0.0.1:3000", "0.0.0.0/0", "::/0"] };
  for (const host of [
    "127.0.0.1",
    "127.9.9.9",
    "localhost",
    "a.localhost",
    "here.example",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "198.18.0.5",
    "[::ffff:198.18.0.5]",
    "[2a02:db9:1:2::5]",
  ]) {
    expect(await isAllowed(`http://${host}:3000/`, open), host).toBe(false);
    expect(await isAllowed(`http://${host}:3001/`, open), host).toBe(true);
  }
  expect(await isAllowed("http://10.1.2.3:3000/", open)).toBe(true);
});

test("the demo is allowed at its own host and port only", async () => {
  const demo = { demoOrigin: () => "http://127.0.0.1:3001" };
  expect(await isAllowed("http://127.0.0.1:3001/jigsaw.html", demo)).toBe(true);
  for (const url of [
    "http://127.0.0.1:3000/",
    "http://127.0.0.1/",
    "http://127.0.0.2:3001/",
    "http://[::1]:3001/",
    "http://a.localhost:3001/",
    "http://here.example:3001/",
  ]) {
    expect(await isAllowed(url, demo), url).toBe(false);
  }
  // Its frames of another origin; on ::1 there may be somebody else.
  const frames = allowedAddresses(new URL("http://localhost:3001/"), destinations(demo));
  expect(await frames).toEqual([{ address: "127.0.0.1", family: 4 }]);
  expect(await isAllowed("http://localhost:3001/", { ...demo, neverPorts: () => new Set([3001]) })).toBe(false);
});

test("a refusal names the host, why, and what would allow it", async () => {
  const refused = (url: string) => allowedAddresses(new URL(url), destinations()).catch((error) => error.details);
  expect(await refused("http://10.1.2.3/secret?token=1")).toEqual({
    field: "url",
    host: "10.1.2.3",
    why: "a private address; URL_ALLOW_PRIVATE=on allows it",
  });
  expect(await refused("http://127.0.0.1:3000/")).toMatchObject({ why: "a port that no page may reach" });
});

test("only http: and https: are web pages", () => {
  expect(webUrl("https://site.example/a").host).toBe("site.example");
  for (const url of ["file:///etc/passwd", "ftp://site.example/", "javascript:1", "", "site.example"]) {
    expect(() => webUrl(url), url).toThrow(expect.objectContaining({ code: "url_not_allowed" }));
  }
});
