/** Files that an operator gives to a page: by a raw client, over REST and the socket. */

import { readdir, stat } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { BRIEF_SEARCH_MS, expect, type TestSite } from "../support/fixtures.ts";
import { BEARER, fetchAsBot, NO_KEY } from "../support/key.ts";
import { LiveClient } from "../support/live-client.ts";
import { call, type OwnServer, REPORTING, reportsOf, test as withServers } from "../support/requests.ts";

/** Frames of another site have a process of their own, and so sessions of their own. */
withServers.use({ challengeSearchMs: BRIEF_SEARCH_MS, siteIsolation: true });

const FIELD = { x: 60, y: 30 };

/** Reports each file by name and content, and a chooser that was closed; every click opens the field's chooser. */
const form = (attributes: string) => `<!doctype html><style>body{margin:0}</style>
<input type="file" ${attributes} style="width:300px;height:60px">${REPORTING}<script>
const field = document.querySelector("input");
field.onchange = async ({ isTrusted }) => {
  const files = await Promise.all([...field.files].map(async (file) => [file.name, await file.text()]));
  report({ files, isTrusted });
};
field.oncancel = () => report("cancelled");
</script>`;

interface Hands {
  readonly client: LiveClient;
  readonly id: string;
  /** Presses at this point, and answers the question that comes. */
  choose(at?: { x: number; y: number }): ReturnType<typeof nextQuestion>;
  press(at?: { x: number; y: number }): void;
  put(
    chooser: string,
    name: string,
    body: string | Buffer,
    headers?: Record<string, string | undefined>,
  ): Promise<{
    status: number;
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes.
    body: any;
  }>;
}

function nextQuestion(client: LiveClient, from: number) {
  return client.next("ask_files", () => true, from);
}

const test = withServers.extend<{ hands: (server: OwnServer, body: object, features?: string[]) => Promise<Hands> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  hands: async ({}, use) => {
    const clients: LiveClient[] = [];
    await use(async ({ api }, body, features = ["files"]) => {
      const { body: session } = await call("POST", `${api}/sessions`, body);
      const client = await LiveClient.connect(session.ws_url, ["captcha.json.v1"]);
      clients.push(client);
      client.send({ type: "features", features });
      await client.next("control", ({ you }) => you);
      const press = ({ x, y } = FIELD) => {
        client.send({ type: "mouse_event", event_type: "down", button: "left", x, y });
        client.send({ type: "mouse_event", event_type: "up", button: "left", x, y });
      };
      return {
        client,
        id: session.session_id,
        press,
        choose(at) {
          const from = client.received.length;
          press(at);
          return nextQuestion(client, from);
        },
        async put(chooser, name, content, headers = {}) {
          const url = `${api}/session/${session.session_id}/files/${chooser}?name=${encodeURIComponent(name)}`;
          const response = await fetchAsBot(url, {
            method: "PUT",
            body: content as string,
            headers: { "content-type": "image/png", ...headers } as Record<string, string>,
          });
          return { status: response.status, body: await response.json() };
        },
      };
    });
    for (const client of clients) client.terminate();
  },
});

async function storedBytes({ dataDir }: OwnServer): Promise<number[]> {
  const names = await readdir(join(dataDir, "uploads"), { recursive: true });
  const found = await Promise.all(names.map((name) => stat(join(dataDir, "uploads", name)).catch(() => null)));
  return found.flatMap((entry) => (entry?.isFile() ? [entry.size] : []));
}

function ownForm(site: TestSite, attributes = ""): string {
  return site.serve("/form", form(attributes));
}

test("[W48] [R25] the page gets the files that its person chose, by their names in any locale, and only as long as the session lives", async ({
  startServer,
  site,
  hands,
}) => {
  const server = await startServer({ LC_ALL: "C" });
  const reports = reportsOf(site);
  const { client, id, choose, put } = await hands(server, { url: ownForm(site, `multiple accept="image/*,.pdf"`) });
  const { question_id, multiple, accept, max_bytes } = await choose();
  expect({ multiple, accept, max_bytes }).toEqual({ multiple: true, accept: "image/*,.pdf", max_bytes: 26_214_400 });

  const photo = await put(question_id, "../../Füße  photo.png", "one");
  expect(photo).toMatchObject({ status: 201, body: { name: "Füße  photo.png", bytes: 3 } });
  const paper = await put(question_id, "paper.PDF", "two!", { "content-type": "application/x-none" });
  expect(paper.status).toBe(201);
  const unused = await put(question_id, "unused.png", "12345");
  expect(unused.status).toBe(201);
  for (const path of await readdir(join(server.dataDir, "uploads"), { recursive: true })) {
    const { mode } = await stat(join(server.dataDir, "uploads", path));
    expect(mode & 0o077, path).toBe(0);
  }
  client.send({ type: "answer_files", question_id, files: [photo.body.file_id, paper.body.file_id] });
  const given = {
    files: [
      ["Füße  photo.png", "one"],
      ["paper.PDF", "two!"],
    ],
    isTrusted: true,
  };
  await expect.poll(() => reports).toEqual([given]);
  await client.next("withdrawn", (message) => message.question_id === question_id);
  await expect.poll(() => storedBytes(server), "what was not given is removed").toHaveLength(2);

  await call("DELETE", `${server.api}/session/${id}`);
  await expect.poll(() => storedBytes(server)).toEqual([]);
  const { body: audit } = await call("GET", `${server.api}/audit?session_id=${id}`);
  const acts = audit.entries.filter(({ action }: { action: string }) => action.startsWith("file."));
  expect(acts.map(({ action, detail }: { action: string; detail: object }) => [action, detail]).reverse()).toEqual([
    ["file.upload", { bytes: 3 }],
    ["file.upload", { bytes: 4 }],
    ["file.upload", { bytes: 5 }],
    ["file.give", { operator: "operator-1", files: 2, bytes: 7 }],
  ]);
});

test("[W48] a frame of another site asks, too; a chooser is withdrawn when the frame goes elsewhere @long", async ({
  startServer,
  site,
  hands,
}) => {
  const reports = reportsOf(site);
  ownForm(site);
  const frame = `<style>body{margin:0}</style><iframe src="${site.otherOrigin}/form" style="border:0;width:400px;height:100px"></iframe>
    <script>onmessage = () => { document.querySelector("iframe").src = "about:blank" }</script>`;
  const server = await startServer();
  const { client, choose, put } = await hands(server, { url: site.serve("/framed", frame) });
  const first = await choose();
  const file = await put(first.question_id, "in-a-frame.png", "framed");
  client.send({ type: "answer_files", question_id: first.question_id, files: [file.body.file_id] });
  await expect.poll(() => reports).toEqual([{ files: [["in-a-frame.png", "framed"]], isTrusted: true }]);

  const second = await choose();
  const third = await choose();
  await client.next("withdrawn", ({ question_id }) => question_id === second.question_id);
  expect((await put(second.question_id, "late.png", "x")).body.error.code).toBe("question_gone");
  client.send({ type: "answer_files", question_id: third.question_id, files: [], id: "none" });
  await expect.poll(() => reports.at(-1)).toBe("cancelled");
});

test("[W48] a chooser that nobody can answer, or that the bot forbids, is closed as in a browser without files", async ({
  startServer,
  site,
  hands,
}) => {
  const reports = reportsOf(site);
  const server = await startServer();
  const url = ownForm(site);
  const older = await hands(server, { url }, []);
  older.press();
  await expect.poll(() => reports).toEqual(["cancelled"]);
  const forbidden = await hands(server, { url, files: false });
  forbidden.press();
  await expect.poll(() => reports).toEqual(["cancelled", "cancelled"]);
  for (const { client } of [older, forbidden]) {
    expect(client.received.filter(({ type }) => type === "ask_files")).toEqual([]);
  }
  const guest = await call("POST", `${server.api}/sessions`, { cdp: { endpoint: "http://127.0.0.1:1" }, files: true });
  expect(guest.body.error).toMatchObject({ code: "invalid_message", details: { field: "files" } });
});

test("[R25] what is too large, too many, of another type or for nobody is refused by its code, and nothing stays", async ({
  startServer,
  site,
  hands,
}) => {
  const server = await startServer({
    MAX_UPLOAD_BYTES: "2000",
    MAX_UPLOADS_PER_SESSION: "3",
    MAX_UPLOAD_BYTES_PER_SESSION: "3000",
    MAX_UPLOAD_BYTES_ALL: "4000",
  });
  const url = ownForm(site, `accept="image/png"`);
  const { client, id, choose, put } = await hands(server, { url });
  const { question_id, max_bytes } = await choose();
  expect(max_bytes).toBe(2_000);
  const refused = async (name: string, size: number, headers = {}) => {
    const { status, body } = await put(question_id, name, "x".repeat(size), headers);
    return [status, body.error?.code, body.error?.details?.why ?? body.error?.details?.limit];
  };
  expect(await refused("a.txt", 1, { "content-type": "text/plain" })).toEqual([422, "file_not_accepted", "type"]);
  expect(await refused("a.png", 2_001)).toEqual([413, "payload_too_large", "file"]);
  expect(await storedBytes(server)).toEqual([]);
  const one = await put(question_id, "1.png", "x".repeat(1_800));
  expect(await refused("2.png", 1_300)).toEqual([413, "payload_too_large", "session"]);
  const two = await put(question_id, "2.png", "");
  const three = await put(question_id, "3.png", "3");
  expect([two.body.bytes, three.body.bytes]).toEqual([0, 1]);
  expect(await refused("4.png", 1)).toEqual([422, "file_not_accepted", "number"]);
  expect((await put("no-such-question", "a.png", "x")).body.error.code).toBe("question_gone");

  // Another session shares the room of all.
  const other = await hands(server, { url });
  const { question_id: others } = await other.choose();
  await other.put(others, "big.png", "x".repeat(2_000));
  const full = await other.put(others, "more.png", "x".repeat(900));
  expect([full.status, full.body.error.code, full.body.error.details]).toEqual([503, "capacity", { limit: "files" }]);

  // One field, one file; and no file of another session.
  const answers = [
    [[one.body.file_id, two.body.file_id], "file_not_accepted"],
    [["no-such-file"], "invalid_message"],
    [Array.from({ length: 101 }, () => "x"), "invalid_message"],
  ] as const;
  for (const [files, code] of answers) {
    client.send({ type: "answer_files", question_id, files, id: files.length });
    expect(await client.next("error", ({ reply_to }) => reply_to === files.length)).toMatchObject({ code });
  }
  other.client.send({ type: "answer_files", question_id: others, files: [one.body.file_id], id: "foreign" });
  await other.client.next("error", ({ reply_to, code }) => reply_to === "foreign" && code === "invalid_message");

  // Who may not act may not upload.
  const { body: watch } = await call("POST", `${server.api}/session/${id}/links`, { role: "watch" });
  const { body: control } = await call("POST", `${server.api}/session/${id}/links`, { role: "control" });
  const tokenOf = (link: { url: string }) => ({ authorization: `Bearer ${new URL(link.url).hash.slice(1)}` });
  expect((await put(question_id, "a.png", "x", tokenOf(watch))).body.error.code).toBe("forbidden");
  expect((await put(question_id, "a.png", "x", tokenOf(control))).body.error.code).toBe("file_not_accepted");
  const path = `${server.api}/session/${id}/files/${question_id}?name=a.png`;
  expect((await call("PUT", path, "x", { ...NO_KEY, "content-type": "image/png" })).status).toBe(401);
  const open = await call("POST", `${server.api}/sessions`, { url, legacy_open: true });
  const openPath = `${server.api}/session/${open.body.session_id}/files/${question_id}?name=a.png`;
  expect((await call("PUT", openPath, "x", { ...NO_KEY, "content-type": "image/png" })).status).toBe(401);
});

test("[R25] an upload may take longer than other requests while it goes on; one that is cut off or stands still leaves nothing @long", async ({
  startServer,
  site,
  hands,
}) => {
  const server = await startServer({ REQUEST_TIMEOUT_SECONDS: "2", HEADERS_TIMEOUT_SECONDS: "2" });
  const { id, choose } = await hands(server, { url: ownForm(site) });
  const { question_id } = await choose();
  const upload = (name: string) => {
    const url = `${server.api}/session/${id}/files/${question_id}?name=${name}`;
    const sending = request(url, { method: "PUT", headers: { authorization: BEARER.authorization } });
    const answered = new Promise<number>((resolve) => {
      sending.once("response", (response) => resolve(response.resume().statusCode ?? 0));
      sending.once("error", () => resolve(0));
    });
    sending.write(Buffer.alloc(10_000));
    return { sending, answered };
  };
  const slow = upload("slow.png");
  const stuck = upload("stuck.png");
  const cut = upload("cut.png");
  await expect.poll(() => storedBytes(server)).toEqual([10_000, 10_000, 10_000]);
  cut.sending.destroy();
  const beat = setInterval(() => slow.sending.write(Buffer.alloc(10_000)), 500);
  // The server gives up on what stands still; by then the slow one has outlived the limit of other requests.
  expect(await stuck.answered).toBe(504);
  clearInterval(beat);
  slow.sending.end();
  expect(await slow.answered).toBe(201);
  await expect.poll(() => storedBytes(server).then((files) => files.length)).toBe(1);
});
