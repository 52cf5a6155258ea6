/** [K1] [K2] No false "completed": challenges that hide and return, reload, break or fail, each several times at once. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { expect, type TestServer, type TestSite, test } from "../support/fixtures.ts";
import { fetchAsBot } from "../support/key.ts";
import { eachSecond, IS_LONG_RUN } from "../support/long-run.ts";

/** Sessions of a scenario at a time: more would starve the pages, whose own timers tell the story. 275 in the long run. */
const RUNS = IS_LONG_RUN ? 5 : 1;
const ROUNDS = IS_LONG_RUN ? 5 : 1;
/** Long enough for any wrong verdict: twice the stability window and a beat at rest. */
const WAIT_SECONDS = 2;

const CHALLENGE = `<div id="the-captcha" style="position:absolute;left:100px;top:80px;width:300px;height:200px;background:#ccd">drag me</div>`;
const DONE = `navigator.sendBeacon("/done");`;

interface Scenario {
  readonly name: string;
  /** Serves the site and answers the URL of the session. */
  readonly set: (site: TestSite) => string;
}

function later(ms: number, content: string, status = 200) {
  return (_request: IncomingMessage, response: ServerResponse) => {
    setTimeout(() => {
      response.statusCode = status;
      response.setHeader("content-type", "text/html").end(content);
    }, ms);
  };
}

/** The first request is answered with `first`, all others with `then`. */
function firstThen(first: string, then: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen = new Set<string>();
  return (request: IncomingMessage, response: ServerResponse) => {
    const who = new URL(request.url ?? "/", "http://site").searchParams.get("run") ?? "";
    if (seen.has(who)) return then(request, response);
    seen.add(who);
    response.setHeader("content-type", "text/html").end(first);
  };
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: "hides for 350 ms and returns, again and again",
    set: (site) =>
      site.serve(
        "/",
        `${CHALLENGE}<script>const box = document.getElementById("the-captcha"); let turns = 0;
         setTimeout(function turn() {
           box.style.display = "none";
           setTimeout(() => { box.style.display = ""; if (++turns === 4) ${DONE} else setTimeout(turn, 120); }, 350);
         }, 300);</script>`,
      ),
  },
  {
    name: "is taken out of the document and put back as another element",
    set: (site) =>
      site.serve(
        "/",
        `${CHALLENGE}<script>let turns = 0; setTimeout(function turn() {
           const old = document.getElementById("the-captcha"); const copy = old.cloneNode(true); old.remove();
           setTimeout(() => { document.body.append(copy); if (++turns === 4) ${DONE} else setTimeout(turn, 150); }, 300);
         }, 300);</script>`,
      ),
  },
  {
    name: "fades out and in",
    set: (site) =>
      site.serve(
        "/",
        `${CHALLENGE}<script>const box = document.getElementById("the-captcha"); box.style.transition = "opacity 200ms";
         setTimeout(() => { box.style.opacity = 0; setTimeout(() => { box.style.opacity = 1; setTimeout(() => {${DONE}}, 300); }, 400); }, 300);</script>`,
      ),
  },
  {
    name: "reloads the page, which comes slowly",
    set: (site) =>
      site.serve(
        "/",
        firstThen(
          `${CHALLENGE}<script>setTimeout(() => location.reload(), 300);</script>`,
          later(1_500, `${CHALLENGE}<script>${DONE}</script>`),
        ),
      ),
  },
  {
    name: "reloads the page, which loads for long before it draws",
    set: (site) => {
      site.serve("/slow.js", later(1_200, ""));
      return site.serve(
        "/",
        firstThen(
          `${CHALLENGE}<script>setTimeout(() => location.reload(), 300);</script>`,
          later(0, `<p>Loading</p><script src="/slow.js"></script>${CHALLENGE}<script>${DONE}</script>`),
        ),
      );
    },
  },
  {
    name: "is replaced by one of another kind",
    set: (site) =>
      site.serve(
        "/",
        `<div class="scratch-captcha-container" style="width:300px;height:200px;background:#dcc"></div>
         <script>setTimeout(() => {
           document.querySelector(".scratch-captcha-container").outerHTML =
             '<div class="geetest_panel_box" style="width:300px;height:200px;background:#cdc"></div>';
           ${DONE}
         }, 300);</script>`,
      ),
  },
  {
    name: "navigates to an HTTP 500 page",
    set: (site) => {
      site.serve("/broken", later(0, `<p>Oops</p><script>${DONE}</script>`, 500));
      return site.serve("/", `${CHALLENGE}<script>setTimeout(() => { location.href = "/broken"; }, 300);</script>`);
    },
  },
  {
    name: "navigates to a server that is gone",
    set: (site) =>
      site.serve(
        "/",
        `${CHALLENGE}<script>setTimeout(() => { ${DONE} location.href = "http://127.0.0.1:1/"; }, 300);</script>`,
      ),
  },
  {
    name: "in a frame that reloads slowly",
    set: (site) => {
      site.serve(
        "/frame",
        firstThen(
          `${CHALLENGE}<script>setTimeout(() => location.reload(), 300);</script>`,
          later(1_500, `${CHALLENGE}<script>${DONE}</script>`),
        ),
      );
      return site.serve(
        "/",
        `<script>document.write('<iframe width=600 height=400 src="/frame' + location.search + '"></iframe>')</script>`,
      );
    },
  },
  {
    name: "in a frame of another origin that breaks",
    set: (site) => {
      site.serve("/frame", `${CHALLENGE}<script>setTimeout(() => { ${DONE} location.href = "/gone"; }, 300);</script>`);
      return site.serve("/", `<iframe width=600 height=400 src="${site.otherOrigin}/frame"></iframe>`);
    },
  },
  {
    name: "in a frame that is replaced by another that comes slowly",
    set: (site) => {
      site.serve("/second", later(1_500, `${CHALLENGE}<script>${DONE}</script>`));
      site.serve("/first", CHALLENGE);
      return site.serve(
        "/",
        `<iframe id="f" width=600 height=400 src="/first"></iframe><script>setTimeout(() => {
           const next = document.createElement("iframe"); next.width = 600; next.height = 400; next.src = "/second";
           document.getElementById("f").replaceWith(next);
         }, 300);</script>`,
      );
    },
  },
];

for (const scenario of eachSecond(eachSecond(SCENARIOS))) {
  test(`[K1] [K2] not done: the challenge ${scenario.name}`, async ({ server, site, bot }) => {
    let done = 0;
    site.serve("/done", (_request, response) => {
      done += 1;
      response.end();
    });
    const url = scenario.set(site);
    for (let round = 0; round < ROUNDS; round += 1) {
      const runs = Array.from({ length: RUNS }, (_, run) => `${url}?run=${round}-${run}`);
      const created = await Promise.all(runs.map((run) => bot.create({ url: run, timeout_seconds: 600 })));
      await expect
        .poll(async () => {
          const states = await Promise.all(created.map(({ session_id }) => status(server, session_id, 0)));
          return states.every((state) => state === "waiting") ? done : states;
        })
        .toBe(RUNS * (round + 1));
      // The story is over. A session that was solved on the way stays so; for the others a last verdict has time to come.
      const states = await Promise.all(created.map(({ session_id }) => status(server, session_id, WAIT_SECONDS)));
      expect(states).toEqual(Array(RUNS).fill("waiting"));
      for (const { session_id } of created) server.controller.cancel(session_id);
    }
  });
}

test("[R21] [K1] done: the challenge goes away for good, and the evidence says which rule held since when", async ({
  site,
  bot,
}) => {
  const url = site.serve(
    "/",
    `${CHALLENGE}<p>captcha is a word that may stay</p><script>setTimeout(() => document.getElementById("the-captcha").remove(), 400);</script>`,
  );
  const { session_id } = await bot.create({ url });
  expect(await bot.waitForEnd(session_id)).toMatchObject({ state: "solved", verified: "checked", reason: "rules_met" });
  const { evidence, outcome } = await bot.result(session_id);
  expect(outcome).toBe("solved");
  expect(evidence).toEqual([
    { rule: '{"kind":"generic","done":{"gone":true}}', frame: null, since: expect.stringMatching(/^20\d\d-/) },
  ]);
});

/** The state at the session's end, or after `seconds`. */
async function status(server: TestServer, id: string, seconds: number): Promise<string> {
  const response = await fetchAsBot(`${server.api}/status/${id}?wait=${seconds}`);
  return ((await response.json()) as { state: string }).state;
}
