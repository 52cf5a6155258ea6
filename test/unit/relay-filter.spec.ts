/** [W57] What a bot lets a server do with a relayed page, and what the server gets to know. */
import { readFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";
import { type Command, RelayFilter } from "../../src/relay/filter.ts";

interface Case {
  readonly why?: string;
  readonly method: string;
  readonly params: Record<string, unknown>;
  /** In the page's own session. */
  readonly session?: true;
  readonly in?: string;
}

const CASES: { refused: Case[]; allowed: Case[] } = JSON.parse(
  await readFile(new URL("../support/relay-attacks.json", import.meta.url), "utf8"),
);
const SESSION = "PAGE-SESSION";

function commandOf({ method, params, session, in: other }: Case): Command {
  return { method, params, sessionId: other ?? (session ? SESSION : undefined) };
}

const tab = (targetId: string, more: object = {}) => ({
  targetInfo: { targetId, type: "page", title: "", url: "", ...more },
});

function attached(terms: Partial<ConstructorParameters<typeof RelayFilter>[0]> = {}): RelayFilter {
  const filter = new RelayFilter({ targetId: "PAGE", dialogs: "bot", windows: "follow", ...terms });
  const attach = { method: "Target.attachToTarget", params: { targetId: "PAGE", flatten: true }, sessionId: undefined };
  filter.answer(attach, { sessionId: SESSION });
  const world = { frameId: "F", worldName: "captcha-remote" };
  filter.answer({ method: "Page.createIsolatedWorld", params: world, sessionId: SESSION }, { executionContextId: 7 });
  filter.event({ method: "Target.targetCreated", params: tab("PAGE") });
  filter.event({ method: "Target.targetCreated", params: tab("OTHER") });
  filter.event({ method: "Target.targetCreated", params: tab("WINDOW", { openerId: "PAGE" }) });
  return filter;
}

for (const attack of CASES.refused) {
  test(`[W57] a server that asks for ${attack.why} is refused: ${attack.method}`, () => {
    expect(attached().isAllowed(commandOf(attack))).toBe(false);
  });
}

test("[W57] what the server's own code asks for is let through", () => {
  for (const asked of CASES.allowed) expect([asked, attached().isAllowed(commandOf(asked))]).toEqual([asked, true]);
});

test("[W57] dialogs and windows are lent only where the bot has said so", () => {
  const dialog = { method: "Page.handleJavaScriptDialog", params: { accept: true }, sessionId: SESSION };
  const window = {
    method: "Target.attachToTarget",
    params: { targetId: "WINDOW", flatten: true },
    sessionId: undefined,
  };
  expect(attached({ dialogs: "operator" }).isAllowed(dialog)).toBe(true);
  expect(attached({ windows: "leave" }).isAllowed(window)).toBe(false);
});

test("[W57] after a reset nothing of the session before is let through", () => {
  const filter = attached();
  filter.reset();
  expect(filter.isAllowed({ method: "Page.getFrameTree", params: {}, sessionId: SESSION })).toBe(false);
});

test("[W57] only the page's own tabs are reported, also where a window is reported before its opener", () => {
  const filter = new RelayFilter({ targetId: "PAGE", dialogs: "bot", windows: "follow" });
  filter.discover();
  const seen = (targetInfo: object) =>
    filter
      .event({ method: "Target.targetCreated", params: { targetInfo } })
      .map(({ params }) => (params["targetInfo"] as { targetId: string }).targetId);
  expect(seen(tab("GRANDCHILD", { openerId: "CHILD" }).targetInfo)).toEqual([]);
  expect(seen(tab("OTHER", { openerId: "BANK" }).targetInfo)).toEqual([]);
  expect(seen(tab("PAGE", { openerId: "BANK" }).targetInfo)).toEqual(["PAGE"]);
  expect(seen(tab("CHILD", { openerId: "PAGE" }).targetInfo)).toEqual(["CHILD", "GRANDCHILD"]);
  expect(seen({ targetId: "WORKER", type: "service_worker", url: "", openerId: "PAGE" })).toEqual([]);
  expect(JSON.stringify(filter.discover())).not.toMatch(/BANK|OTHER/);
});

test("[W57] answers and events lose what the server has no use for", () => {
  const filter = attached();
  const history = {
    currentIndex: 1,
    entries: [
      { id: 1, url: "https://bank.example/" },
      { id: 2, url: "https://shop.example/" },
    ],
  };
  const asked = (method: string) => ({ method, params: {}, sessionId: SESSION });
  expect(filter.answer(asked("Page.getNavigationHistory"), history)).toEqual({
    currentIndex: 0,
    entries: [{ id: 2, url: "https://shop.example/" }],
  });
  const processes = {
    processInfo: [
      { type: "browser", id: 1, cpuTime: 2 },
      { type: "renderer", id: 3, cpuTime: 4, name: "x" },
    ],
  };
  expect(filter.answer({ ...asked("SystemInfo.getProcessInfo"), sessionId: undefined }, processes)).toEqual({
    processInfo: [{ type: "renderer", id: 3, cpuTime: 4 }],
  });
  const request = {
    requestId: "1",
    loaderId: "2",
    documentURL: "https://shop.example/",
    request: {
      url: "https://shop.example/a",
      method: "GET",
      headers: { Authorization: "Bearer secret", Cookie: "secret", "Content-Type": "text/plain" },
      postData: "secret",
    },
    initiator: { type: "script", stack: { callFrames: ["secret"] } },
    redirectResponse: { headers: { "set-cookie": "secret" } },
  };
  const called = (name: string) =>
    filter.event({
      method: "Runtime.bindingCalled",
      params: { name, payload: "1", more: "secret" },
      sessionId: SESSION,
    });
  expect(called("other")).toEqual([]);
  expect(called("captchaRemoteHeard").map(({ params }) => params)).toEqual([
    { name: "captchaRemoteHeard", payload: "1" },
  ]);
  const [event] = filter.event({ method: "Network.requestWillBeSent", params: request, sessionId: SESSION });
  expect(JSON.stringify(event)).not.toContain("secret");
  expect(event?.params).toMatchObject({ request: { url: "https://shop.example/a" }, initiator: { type: "script" } });
  const response = {
    url: "https://shop.example/a",
    status: 200,
    mimeType: "text/html",
    headers: { "set-cookie": "a=1" },
  };
  const of = (more: object) =>
    filter.event({ method: "Network.responseReceived", params: { ...request, ...more }, sessionId: SESSION });
  expect(of({ type: "XHR", response })).toEqual([]);
  expect(JSON.stringify(of({ type: "Document", requestId: "2", response }))).not.toContain("set-cookie");
  const metadata = { offsetTop: 0, deviceWidth: 1280, scrollOffsetX: 1, scrollOffsetY: 2, timestamp: 3 };
  const picture = { method: "Page.screencastFrame", params: { data: "AA==", sessionId: 4, metadata } };
  expect(filter.event({ ...picture, sessionId: SESSION })[0]?.params).toEqual({
    data: "AA==",
    sessionId: 4,
    metadata: { scrollOffsetX: 1, scrollOffsetY: 2 },
  });
  for (const method of ["Network.requestWillBeSentExtraInfo", "Runtime.consoleAPICalled", "Page.downloadWillBegin"]) {
    expect(filter.event({ method, params: {}, sessionId: SESSION })).toEqual([]);
  }
});

test("[W57] the body of a sound may be read, and of nothing else", () => {
  const filter = attached();
  const body = { method: "Network.getResponseBody", params: { requestId: "9" }, sessionId: SESSION };
  const response = { url: "https://shop.example/a.mp3", status: 200, mimeType: "audio/mpeg", headers: {} };
  const params = { requestId: "9", loaderId: "2", type: "Media", response };
  filter.event({ method: "Network.responseReceived", params, sessionId: SESSION });
  expect(filter.isAllowed(body)).toBe(true);
  expect(filter.isAllowed({ ...body, params: { requestId: "10" } })).toBe(false);
});
