/** Walls that are the main document: with each status, passed with and without a reload. */
import { box, foundAs, nobody, press, SOLVE, script, traps, WRONG } from "../page.ts";
import { wall } from "../patterns.ts";

const GRID = `<div id="captcha-container" data-box style="margin:60px;width:340px;height:360px;background:#dde"><canvas width="320" height="300"></canvas>${SOLVE}${WRONG}</div>`;
const AWS = foundAs("aws-waf");
const GENERIC = foundAs("generic");
const BOX = box('class="my-captcha"', `${SOLVE}${WRONG}`, { x: 300, y: 150, width: 300, height: 200 });
const STATUSES = [403, 405, 429, 503] as const;
const inPlace = (status: number, html: string, remove: string) => () => ({
  status,
  body: `${html}${script(`act("solve", () => { ${remove} success(); });`)}`,
});

export default traps("walls", {
  ...Object.fromEntries(
    STATUSES.flatMap((status) => [
      [`${status}, with a reload`, { ...wall({ html: GRID, status }).shown, found: AWS, selected: status === 403 }],
      [`${status}, fails first`, { ...wall({ html: GRID, status }).failed, found: AWS }],
      [
        `${status}, without a reload`,
        {
          page: inPlace(status, GRID, `$("#captcha-container").remove();`),
          found: AWS,
          steps: [nobody("waiting"), press("solve", "solved")],
          selected: status === 405 || status === 503,
        },
      ],
      [
        `${status}, unknown vendor`,
        { page: inPlace(status, BOX, `$(".my-captcha").remove();`), found: GENERIC, steps: [press("solve", "solved")] },
      ],
    ]),
  ),
  "into a refusal": {
    page: (visit) =>
      visit.flags.has("passed")
        ? { status: 403, body: `<h1>Denied</h1>${script(`addEventListener("load", () => settled());`)}` }
        : {
            status: 403,
            body: `${GRID}${script(`act("solve", () => flag("passed").then(() => location.reload()));`)}`,
          },
    found: AWS,
    steps: [press("solve", "waiting")],
    selected: true,
  },
  "asks again and again": {
    ...wall({ html: GRID, status: 403 }).shown,
    found: AWS,
    steps: [press("wrong", "waiting"), press("wrong", "waiting"), press("solve", "solved")],
  },
  "a script goes on": {
    page: () => ({
      status: 403,
      body: `${GRID}${script(`act("solve", () => { location.href = "{here}/welcome"; });`)}`,
    }),
    found: AWS,
    steps: [press("solve", "solved")],
  },
  "refused, nothing to do": {
    page: () => ({ status: 403, body: "<h1>Denied</h1><p>number 18</p>" }),
    found: null,
    steps: [nobody("waiting")],
  },
});
