/** For the tests of a person's hands: a page that tells what it gets, and a client over the wire. */
import type { Bot, TestSite } from "./fixtures.ts";
import type { LiveClient } from "./live-client.ts";

/** In the page: `tell(...)` reports, `tellValues()` reports the values of all fields. */
export const TELL = `<script>
  const tell = (...what) => {
    const about = JSON.stringify([performance.timeOrigin + performance.now(), ...what]);
    navigator.sendBeacon("/tell", about);
  };
  const values = () => [...document.querySelectorAll("input, textarea, [contenteditable]")].map((field) => field.value ?? field.textContent);
  const tellValues = () => tell("values", ...values());
</script>`;

/** What the page tells, oldest first, although one beacon may overtake another. */
export function reportsOf(site: TestSite): unknown[][] {
  const reports: unknown[][] = [];
  const toldAt = new WeakMap<unknown[], number>();
  site.serve("/tell", (request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const [at, ...report] = JSON.parse(body) as [number, ...unknown[]];
      toldAt.set(report, at);
      const later = reports.findIndex((one) => (toldAt.get(one) ?? 0) > at);
      reports.splice(later < 0 ? reports.length : later, 0, report);
      response.end();
    });
  });
  return reports;
}

/** Opens a session at a page of this content, and a client that is in control of it. */
export async function openHands(
  {
    site,
    bot,
    connect,
  }: {
    site: TestSite;
    bot: Pick<Bot, "create">;
    connect: (url: string) => Promise<LiveClient>;
  },
  html: string,
  body: object = {},
): Promise<LiveClient> {
  const session = await bot.create({
    url: site.serve("/", `<meta charset="utf-8"><body style="margin:0">${TELL}${html}`),
    ...body,
  });
  const client = await connect(session.ws_url);
  await client.next("session_info");
  return client;
}
