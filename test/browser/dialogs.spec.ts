/** [W46] Dialogs of a page are asked of the person in control, and nobody else; and what else shows outside of a page, of frames. */

import { BRIEF_SEARCH_MS } from "../support/fixtures.ts";
import { expect, test } from "../support/guest.ts";
import type { LiveClient } from "../support/live-client.ts";
import { call, REPORTING, reportsOf } from "../support/requests.ts";

test.use({ siteIsolation: true, challengeSearchMs: BRIEF_SEARCH_MS });

const JSON_FORM = { protocols: ["captcha.json.v1"] };

/** A client whose console can show dialogs, in control of the session. */
async function asked(
  connect: (url: string, options?: { protocols?: string[] }) => Promise<LiveClient>,
  url: string,
): Promise<LiveClient> {
  const client = await connect(url, JSON_FORM);
  await client.next("presence");
  client.send({ type: "features", features: ["dialogs"] });
  return client;
}

/** Presses at this place of the page, and lets go. */
function press(client: LiveClient, x = 20, y = 20): void {
  client.send({ type: "mouse_event", event_type: "down", x, y });
  client.send({ type: "mouse_event", event_type: "up", x, y });
}

/** A page that does this on a click. */
const page = (script: string) =>
  `<body style="margin:0">${REPORTING}<script>addEventListener("click", () => { ${script} });</script>`;

test("[W46] confirm waits for the person in control: their word counts, and all are told of it", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const { ws_url } = await bot.create({ url: site.serve("/", page(`report(confirm("Delete it?"))`)) });
  const person = await asked(connect, ws_url);
  const other = await asked(connect, ws_url);
  const older = await connect(ws_url);
  await older.next("presence");
  press(person);
  const question = await person.next("ask_dialog");
  expect(question).toMatchObject({ kind: "confirm", message: "Delete it?", site: new URL(site.origin).host });
  const { question_id } = question;
  // The clock of a page that hangs stands: it is said what the page waits for, to clients of all kinds.
  await older.next("page_notice", ({ notice }) => notice === "dialog_open");
  expect(older.received.map(({ type }) => type)).not.toContain("dialog");
  expect(reports).toEqual([]);

  // A press now would reach the page behind the dialog.
  person.send({ type: "mouse_event", event_type: "down", x: 20, y: 20, id: "press" });
  expect(await person.next("error", ({ reply_to }) => reply_to === "press")).toMatchObject({
    code: "page_unresponsive",
  });
  other.send({ type: "answer_dialog", question_id, accept: false, id: "other" });
  expect(await other.next("error", ({ reply_to }) => reply_to === "other")).toMatchObject({ code: "not_in_control" });
  person.send({ type: "answer_dialog", question_id: "none", accept: false, id: "none" });
  expect(await person.next("error", ({ reply_to }) => reply_to === "none")).toMatchObject({ code: "question_gone" });

  person.send({ type: "answer_dialog", question_id, accept: true });
  await person.next("withdrawn", (message) => message.question_id === question_id);
  await expect.poll(() => reports).toEqual([true]);
  expect(await older.next("dialog")).toMatchObject({ message: "Delete it?", answer: "accepted" });
  await older.next("page_notice", ({ notice }) => notice === "page_responsive");
  person.send({ type: "answer_dialog", question_id, accept: true, id: "again" });
  expect(await person.next("error", ({ reply_to }) => reply_to === "again")).toMatchObject({ code: "question_gone" });
});

test("[W46] [W16] an open question goes to whoever takes control, who may answer it", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const { ws_url } = await bot.create({ url: site.serve("/", page(`report(prompt("Name?", "nobody"))`)) });
  const first = await asked(connect, ws_url);
  const second = await asked(connect, ws_url);
  press(first);
  const { question_id, default_text } = await first.next("ask_dialog");
  expect(default_text).toBe("nobody");
  second.send({ type: "take_control" });
  await second.next("ask_dialog", (message) => message.question_id === question_id);
  second.send({ type: "answer_dialog", question_id, accept: true, text: "Ada" });
  await first.next("withdrawn");
  await expect.poll(() => reports).toContain("Ada");
});

test("[W46] a page that asks before it is left is left, or stays, as the person says", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  site.serve("/next", `${REPORTING}<script>report("left")</script>`);
  const leaving = `<script>onbeforeunload = (event) => event.preventDefault();</script>`;
  const { ws_url } = await bot.create({ url: site.serve("/", leaving + page(`location.href = "/next"`)) });
  const person = await asked(connect, ws_url);
  press(person);
  const first = await person.next("ask_dialog");
  expect(first.kind).toBe("beforeunload");
  person.send({ type: "answer_dialog", question_id: first.question_id, accept: false });
  await person.next("dialog", ({ answer }) => answer === "dismissed");
  expect(reports).toEqual([]);
  press(person);
  const { question_id } = await person.next("ask_dialog", (message) => message.question_id !== first.question_id);
  person.send({ type: "answer_dialog", question_id, accept: true });
  await expect.poll(() => reports).toContain("left");
});

test("[W46] a page that opens dialogs without end is muted after five, and that is said once @long", async ({
  server,
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const loop = `for (let n = 0; n < 40; n += 1) alert(n); report("over");`;
  const session = await bot.create({ url: site.serve("/", page(loop)) });
  const person = await asked(connect, session.ws_url);
  press(person);
  const seen = new Set<string>();
  for (let n = 0; n < 5; n += 1) {
    const { question_id, message } = await person.next("ask_dialog", (asks) => !seen.has(asks.question_id));
    expect(message).toBe(String(n));
    seen.add(question_id);
    person.send({ type: "answer_dialog", question_id, accept: true });
  }
  await expect.poll(() => reports).toContain("over");
  const muted = person.received.filter(
    (message) => message.type === "page_notice" && message.notice === "dialogs_muted",
  );
  expect(muted).toHaveLength(1);
  // Pressed again, the page may ask again.
  press(person);
  await person.next("ask_dialog", ({ question_id }) => !seen.has(question_id));
  // Nor does an open dialog hold up the end.
  await call("DELETE", `${server.api}/session/${session.session_id}`);
  expect(await bot.result(session.session_id)).toMatchObject({ outcome: "cancelled" });
});

test("[W46] a dialog of a frame of another site is asked with that site's name @long", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  site.serve("/inner", page(`report(prompt("Code?"))`));
  const frame = `<body style="margin:0"><iframe src="${site.otherOrigin}/inner" style="border:0;width:600px;height:400px"></iframe>`;
  const { ws_url } = await bot.create({ url: site.serve("/", frame) });
  const person = await asked(connect, ws_url);
  press(person);
  const { question_id, site: name } = await person.next("ask_dialog");
  expect(name).toBe(new URL(site.otherOrigin).host);
  person.send({ type: "answer_dialog", question_id, accept: true, text: "1234" });
  await expect.poll(() => reports).toContain("1234");
});

test("[W46] [R10] a guest's dialogs are the bot's, unless it leaves them to the operator @long", async ({
  site,
  bot,
  botBrowser,
  connect,
}) => {
  const reports = reportsOf(site);
  const url = site.serve("/", page(`report(confirm("Sure?"))`));
  const { endpoint } = botBrowser;
  const own = await botBrowser.open(`${url}?own`);
  own.on("dialog", (dialog) => void dialog.accept());
  const kept = await bot.create({ cdp: { endpoint, target_id: await botBrowser.targetOf(own) } });
  const first = await asked(connect, kept.ws_url);
  press(first);
  await expect.poll(() => reports).toEqual([true]);
  expect(first.received.map(({ type }) => type)).not.toContain("ask_dialog");

  const left = await botBrowser.open(`${url}?left`);
  // Playwright would dismiss what nobody listens for.
  left.on("dialog", () => {});
  const handed = await bot.create({
    cdp: { endpoint, target_id: await botBrowser.targetOf(left), dialogs: "operator" },
  });
  const second = await asked(connect, handed.ws_url);
  press(second);
  const { question_id } = await second.next("ask_dialog");
  second.send({ type: "answer_dialog", question_id, accept: true });
  await expect.poll(() => reports).toEqual([true, true]);
  // Nobody can answer: the page is not left waiting.
  second.send({ type: "release_control" });
  await second.next("control", ({ holder }) => holder === null);
  await left.mouse.click(20, 20);
  await expect.poll(() => reports).toEqual([true, true, false]);
});

/** What a window of the page does: it asks at once, and on a click. */
const WINDOW = `<title>window</title><body style="margin:0">${REPORTING}<script>
  report(prompt("Name?", "nobody"));
  addEventListener("click", () => report(confirm("Close?")));
</script>`;

/** The titles of the windows that this client was last told of. */
const titlesOf = (client: LiveClient) =>
  client.received
    .flatMap((message) => (message.type === "windows" ? [message.windows] : []))
    .at(-1)
    ?.map(({ title }) => title);

test("[W46] [W47] a window that the page opens asks the person, from its first script on, and nobody is hurried", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  site.serve("/window", WINDOW);
  const other = `${site.otherOrigin}/window`;
  const { ws_url } = await bot.create({ url: site.serve("/", page(`open("${other}", "w", "width=500,height=400")`)) });
  const person = await asked(connect, ws_url);
  person.send({ type: "features", features: ["dialogs", "windows"] });
  press(person);
  const first = await person.next("ask_dialog");
  expect(first).toMatchObject({ kind: "prompt", site: new URL(other).host, default_text: "nobody" });
  // Its script stands still: it is shown once it goes on.

  expect(titlesOf(person)?.length ?? 1).toBe(1);
  person.send({ type: "answer_dialog", question_id: first.question_id, accept: true, text: "Ada" });
  await person.next("withdrawn", ({ question_id }) => question_id === first.question_id);
  await expect.poll(() => reports).toEqual(["Ada"]);
  await expect.poll(() => titlesOf(person)?.length).toBe(2);
  await person.next("session_info", ({ viewport }) => viewport.width === 500);

  press(person);
  const second = await person.next("ask_dialog", ({ kind }) => kind === "confirm");
  person.send({ type: "mouse_event", event_type: "down", x: 20, y: 20, id: "behind" });
  expect((await person.next("error", ({ reply_to }) => reply_to === "behind")).code).toBe("page_unresponsive");
  await person.next("page_notice", ({ notice }) => notice === "dialog_open");
  person.send({ type: "answer_dialog", question_id: second.question_id, accept: true });
  await expect.poll(() => reports).toEqual(["Ada", true]);
  expect(await person.next("dialog", ({ kind }) => kind === "confirm")).toMatchObject({ answer: "accepted" });

  // A window that closes takes its question along.
  press(person);
  const known = [first.question_id, second.question_id];
  const third = await person.next("ask_dialog", ({ question_id }) => !known.includes(question_id));
  const { windows } = await person.next("windows", (list) => list.windows.length === 2);
  person.send({ type: "window", window_id: windows[1]?.id, action: "close" });
  await person.next("withdrawn", ({ question_id }) => question_id === third.question_id);
  await expect.poll(() => titlesOf(person)?.length).toBe(1);
});

test("[W46] [W47] dialogs of all windows are one row: muted after five, whichever window opens them", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const loop = `alert("a"); alert("b"); const other = open("", "other"); for (let n = 0; n < 40; n += 1) other.alert(n); report("over");`;
  const { ws_url } = await bot.create({ url: site.serve("/", page(loop)) });
  const person = await asked(connect, ws_url);
  press(person);
  const seen: string[] = [];
  for (const text of ["a", "b", "0", "1", "2"]) {
    const { question_id, message } = await person.next("ask_dialog", (asks) => !seen.includes(asks.question_id));
    expect(message).toBe(text);
    seen.push(question_id);
    person.send({ type: "answer_dialog", question_id, accept: true });
  }
  await expect.poll(() => reports).toContain("over");
  expect(person.received.filter(({ type }) => type === "ask_dialog")).toHaveLength(seen.length);
});

test("[W46] [W47] windows of a guest that is followed leave their dialogs to the operator, too", async ({
  site,
  bot,
  botBrowser,
  connect,
}) => {
  const reports = reportsOf(site);
  site.serve("/window", page(`report(confirm("Close?"))`));
  const own = await botBrowser.open(site.serve("/", page(`open("/window", "w", "width=500,height=400")`)));
  // Playwright would dismiss what nobody listens for.
  own.context().on("dialog", () => {});
  const cdp = { endpoint: botBrowser.endpoint, target_id: await botBrowser.targetOf(own) };
  const { ws_url } = await bot.create({ cdp: { ...cdp, dialogs: "operator", windows: "follow" } });
  const person = await asked(connect, ws_url);
  press(person);
  await person.next("session_info", ({ viewport }) => viewport.width === 500);
  press(person);
  const { question_id } = await person.next("ask_dialog");
  person.send({ type: "answer_dialog", question_id, accept: true });
  await expect.poll(() => reports).toEqual([true]);
});

test("[W50] what a frame of another site prints, and what is refused to it, is told as of the page itself", async ({
  site,
  bot,
  connect,
}) => {
  site.serve(
    "/widget",
    `<body style="margin:0;background:#def"><script>
      let presses = 0;
      addEventListener("click", () => {
        presses += 1;
        if (presses === 1) print();
        if (presses === 2) void navigator.mediaDevices.getUserMedia({ video: true });
      });
    </script>`,
  );
  const url = site.serve(
    "/",
    `<body style="margin:0"><iframe src="${site.otherOrigin}/widget" allow="camera" style="border:0;width:300px;height:200px"></iframe>`,
  );
  const { ws_url } = await bot.create({ url });
  const person = await connect(ws_url, JSON_FORM);
  await person.next("presence");
  const notices = () => person.received.flatMap((each) => (each.type === "page_notice" ? [each.notice] : []));
  press(person);
  await expect.poll(notices).toEqual(["printing"]);
  press(person);
  await expect.poll(notices).toEqual(["printing", "permission_refused"]);
});
