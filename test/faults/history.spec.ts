/** People who come and go over cut lines and killed servers: what the record says afterwards. */
import { setTimeout as delay } from "node:timers/promises";
import { OperatorConnection } from "../../src/client/operator-connection.ts";
import type { AuditEntryAnswer } from "../../src/protocol/audit.ts";
import type { LinkAnswer } from "../../src/protocol/links.ts";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { EventStream } from "../support/event-stream.ts";
import { expect } from "../support/fixtures.ts";
import { fetchAsBot } from "../support/key.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { test as base, ROUNDS } from "../support/rounds.ts";
import { seeded } from "../support/seeded.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

const PEOPLE = 3;
const STEPS = IS_LONG_RUN ? 18 : 10;
const SECRET = `whsec_${Buffer.from("24 bytes, or a few more.").toString("base64")}`;
/** Tells of each character as it comes. */
const PAGE = `<body><input id="field" autofocus><script>
  const field = document.getElementById("field");
  field.focus();
  field.addEventListener("input", (event) => navigator.sendBeacon("/typed", event.data));
</script></body>`;

/** One history has each fault many times. */
const HISTORIES = IS_LONG_RUN ? ROUNDS : 1;

const test = base.extend<{ receiver: WebhookReceiver }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  receiver: async ({}, use) => {
    const receiver = await WebhookReceiver.start();
    await use(receiver);
    await receiver.stop();
  },
});

async function post<T>(url: string, body: object): Promise<T> {
  const headers = { "content-type": "application/json" };
  const response = await fetchAsBot(url, { method: "POST", headers, body: JSON.stringify(body) });
  expect(response.status, await response.clone().text()).toBe(201);
  return (await response.json()) as T;
}

for (let seed = 1; seed <= HISTORIES; seed += 1) {
  test(`[W16] [W30] [S4] never two in control, nothing typed twice, one end on each channel, seed ${seed}`, async ({
    mortal,
    site,
    receiver,
  }) => {
    const random = seeded(seed * 7919);
    const { api } = mortal.now();
    const typed: string[] = [];
    site.serve("/typed", async (request, response) => {
      typed.push(Buffer.concat(await request.toArray()).toString());
      response.end();
    });
    const session = await post<SessionAnswer>(`${api}/sessions`, {
      url: site.serve("/", PAGE),
      callback_url: receiver.url,
      callback_secret: SECRET,
    });
    const people = await Promise.all(
      Array.from({ length: PEOPLE }, async () => {
        const { url } = await post<LinkAnswer>(`${api}/session/${session.session_id}/links`, { role: "control" });
        return { link: url, line: null as OperatorConnection | null };
      }),
    );
    let number = 0;
    const said: string[] = [];
    const steps = [
      (person: (typeof people)[number]) => {
        if (person.line) return;
        person.line = new OperatorConnection({ link: person.link });
        person.line.open();
      },
      (person: (typeof people)[number]) => {
        person.line?.close();
        person.line = null;
      },
      (person: (typeof people)[number]) => person.line?.send({ type: "take_control" }),
      (person: (typeof people)[number]) => {
        if (person.line?.state.name !== "CONNECTED") return;
        const text = `${++number},`;
        said.push(text);
        person.line.send({ type: "text", text });
      },
      async () => {
        await mortal.kill();
        await delay(random() * 300);
        await mortal.startAgain();
      },
    ];
    /** A kill is drawn less often than what people do. */
    const draw = () => steps[[0, 0, 1, 2, 2, 3, 3, 3, 3, 4][Math.floor(random() * 10)] ?? 0];
    for (let step = 0; step < STEPS; step += 1) {
      const person = people[Math.floor(random() * PEOPLE)] as (typeof people)[number];
      await draw()?.(person);
      await delay(random() * 200);
    }
    await mortal.kill();
    await mortal.startAgain();
    await expect
      .poll(
        async () =>
          ((await (await fetchAsBot(`${api}/status/${session.session_id}`)).json()) as { state: string }).state,
      )
      .toMatch(/waiting|active/);
    for (const { line } of people) line?.close();
    await fetchAsBot(`${api}/session/${session.session_id}`, { method: "DELETE" });

    // Each that was typed once at most, and in its order.
    const arrived = typed.join("").split(",").filter(Boolean).map(Number);
    expect(new Set(arrived).size).toBe(arrived.length);
    for (const text of arrived) expect(said).toContain(`${text},`);

    const entriesNow = async () => {
      const audit = await fetchAsBot(`${api}/audit?limit=500&session_id=${session.session_id}`);
      return ((await audit.json()) as { entries: AuditEntryAnswer[] }).entries;
    };
    // The end is told once its storage state is kept.
    await expect.poll(async () => (await entriesNow()).map(({ action }) => action)).toContain("session.end");
    const entries = await entriesNow();
    let holder: unknown = null;
    for (const { action, detail } of entries.toReversed()) {
      if (action === "control.take") {
        expect(holder, "somebody takes what nobody has").toBeNull();
        holder = detail?.["operator"];
      }
      if (action === "control.release") {
        expect(detail?.["operator"]).toBe(holder);
        holder = null;
      }
      // Who had it on the server before comes by another name.
      if (action === "session.resume") holder = null;
    }
    expect(entries.filter(({ action }) => action === "session.end")).toHaveLength(1);

    const end = await receiver.next("session.ended", SECRET);
    expect(
      new Set(
        receiver.received
          .filter(({ body }) => JSON.parse(body).type === "session.ended")
          .map(({ headers }) => headers["webhook-id"]),
      ).size,
    ).toBe(1);
    const stream = await EventStream.open(`${api}/session/${session.session_id}/events`, { "last-event-id": "0" });
    await stream.ended;
    expect(stream.events.filter(({ type }) => type === "session.ended").map(({ event }) => event.id)).toEqual([
      end.event.id,
    ]);
    expect(stream.types().filter((type) => type === "session.created")).toHaveLength(1);
    expect(
      stream.events.filter(({ event }) => event.type === "session.operator_joined" && event.data.first).length,
    ).toBeLessThanOrEqual(1);
  });
}
