/** [R20] GET /metrics: what sessions come to and how they feel, and a dashboard and alerts that ask for nothing else. */
import { readFileSync } from "node:fs";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { NO_KEY } from "../support/key.ts";
import { call, type OwnServer, test } from "../support/requests.ts";

/** Its page is cleared by a press. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const PAGE = `<body style="margin:0"><div id="my-captcha" style="width:300px;height:200px;background:#cde"></div><script>
  addEventListener("mousemove", () => { document.body.style.background = "#" + Math.floor(Math.random() * 4096).toString(16).padStart(3, "0"); });
  addEventListener("mouseup", () => document.getElementById("my-captcha").remove());
</script></body>`;

async function metricsOf({ url }: OwnServer): Promise<string> {
  return (await call("GET", `${url}/metrics`)).body;
}

/** The value of one series; 0 where there is none. */
function figureOf(text: string, series: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`captcha_remote_${series} `));
  return Number(line?.split(" ").at(-1) ?? 0);
}

test("[R20] a session that is solved, and one that is cancelled, are in the figures", async ({
  startServer,
  site,
  connect,
}) => {
  const server = await startServer();
  const url = site.serve("/", PAGE);
  const create = async () => (await call("POST", `${server.api}/sessions`, { url })).body;
  const [solved, cancelled] = [await create(), await create()];
  let text = await metricsOf(server);
  expect(figureOf(text, "sessions_created_total")).toBe(2);
  expect(figureOf(text, 'sessions{state="waiting"}')).toBe(2);
  expect(figureOf(text, 'browser_memory_bytes{of="all"}')).toBeGreaterThan(10e6);
  const operator = await connect(solved.ws_url, { protocols: ["captcha.binary.v1"] });
  await operator.nextPicture(() => true, 0);
  const send = (event_type: string, x: number, buttons: number) =>
    operator.send({ type: "mouse_event", event_type, x, y: 100, button: "left", buttons });
  send("down", 50, 1);
  for (let x = 50; x < 200; x += 10) {
    const seen = operator.pictures.length;
    send("move", x, 1);
    await operator.nextPicture(() => true, seen);
  }
  send("up", 200, 0);
  await operator.closed;
  await call("DELETE", `${server.api}/session/${cancelled.session_id}`);
  await expect
    .poll(async () =>
      figureOf(await metricsOf(server), 'sessions_ended_total{outcome="cancelled",reason="cancelled_by_bot"}'),
    )
    .toBe(1);
  text = await metricsOf(server);
  expect(figureOf(text, 'sessions_ended_total{outcome="solved",reason="rules_met"}')).toBe(1);
  for (const histogram of ["time_to_operator", "time_to_solved", "first_picture", "browser_start"]) {
    expect(figureOf(text, `${histogram}_seconds_count`), histogram).toBeGreaterThanOrEqual(1);
  }
  for (const histogram of ["move_to_picture", "round_trip", "completion_look"]) {
    expect(figureOf(text, `${histogram}_seconds_count`), histogram).toBeGreaterThan(5);
  }
  expect(text).toMatch(/captcha_remote_pictures_total\{quality="\d+"\} \d+/);
  expect(text).toMatch(/captcha_remote_picture_bytes_total\{quality="\d+"\} \d{3,}/);
  expect((await call("GET", `${server.url}/metrics`, undefined, NO_KEY)).status).toBe(401);
});

test("[R20] the dashboard and the alerts ask for series that there are, and for all that is measured", async ({
  startServer,
}) => {
  const text = await metricsOf(await startServer());
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]));
  const read = (path: string) => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), "utf8");
  const dashboard = read("grafana/captcha-remote.json");
  const { panels } = JSON.parse(dashboard) as { panels: { targets: { expr: string }[] }[] };
  const asked = (source: string) => new Set(source.match(/captcha_remote_\w+/g));
  const known = (series: string) => {
    if (types.has(series)) return series;
    const base = series.replace(/_(bucket|count|sum)$/, "");
    return types.get(base) === "histogram" ? base : undefined;
  };
  const shown = asked(panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join("\n"));
  for (const series of [...shown, ...asked(read("prometheus/alerts.yml"))]) expect(known(series), series).toBeDefined();
  expect(new Set([...shown].map(known))).toEqual(new Set(types.keys()));
});
