/** [W28] Secrets that move: a picture is older than the measure that follows it. */
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { IS_LONG_RUN, longUnless } from "../support/long-run.ts";
import { expectNoneLeaks, expectSeen, PICTURES, pageWith, password, seats } from "../support/secret-page.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const MOVING_STEPS = `let step = 0; const move = () => {
    step += 1;
    const field = document.querySelector(".secret");
    field.style.left = 10 + (step * 37) % 260 + "px";
    field.style.top = 10 + (step * 23) % 190 + "px";`;

const RESTLESS: readonly (readonly [string, string])[] = [
  ["moves with every frame", `${MOVING_STEPS} requestAnimationFrame(move); }; move();`],
  ["jumps between frames", `${MOVING_STEPS} setTimeout(move, 5); }; move();`],
  [
    "moves just before it is drawn",
    `${MOVING_STEPS} }; const drawn = () => { move(); requestAnimationFrame(drawn); };
    new ResizeObserver(move).observe(document.querySelector(".secret")); drawn();`,
  ],
  [
    "comes and goes",
    `const field = document.querySelector(".secret"); let step = 0; const blink = () => {
      step += 1;
      if (step % 20 === 0) field.remove();
      if (step % 20 === 10) {
        field.style.left = (step * 17) % 300 + "px";
        document.body.append(field);
      }
      requestAnimationFrame(blink);
    }; blink();`,
  ],
  [
    "is animated by the browser",
    `document.querySelector(".secret").animate(
      [{ transform: "none" }, { transform: "translate(400px, 250px) rotate(180deg)" }],
      { duration: 700, iterations: Infinity, direction: "alternate" });`,
  ],
  [
    "is shown as text after a while",
    `const field = document.querySelector(".secret");
     setInterval(() => { field.type = field.type === "text" ? "password" : "text"; }, 300);`,
  ],
];

for (const [what, script] of RESTLESS) {
  // The hardest of them.
  const tag = longUnless(what === "moves just before it is drawn");
  test(`[W28] a field that ${what} leaks in none of ${PICTURES} pictures${tag}`, async ({
    site,
    bot,
    connect,
    server,
  }) => {
    const url = site.serve("/", pageWith(password("left:10px;top:10px"), script));
    const { client, watcher } = await seats({ bot, connect, server }, { url });
    await expectSeen(client);
    await expectNoneLeaks(watcher, PICTURES);
  });
}

test("[W28] a field that the browser animates while scripts are busy is shown to no watcher @long", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const script = `document.querySelector(".secret").animate(
      [{ transform: "none" }, { transform: "translate(400px, 250px)" }],
      { duration: 300, iterations: Infinity, direction: "alternate" });
    setInterval(() => { const end = performance.now() + 250; while (performance.now() < end); }, 300);`;
  const url = site.serve("/", pageWith(password("left:10px;top:10px"), script));
  const { client, watcher } = await seats({ bot, connect, server }, { url });
  await expectSeen(client);
  await expect.poll(() => client.pictures.length).toBeGreaterThan(IS_LONG_RUN ? 60 : 20);
  await expectNoneLeaks(watcher, 0);
});

(IS_LONG_RUN ? test : test.skip)(
  "[W28] the last picture of a page with a secret, drawn over the next one, is shown to no watcher",
  async ({ site, bot, connect, server }) => {
    const slowly = `<style>@view-transition { navigation: auto }
    ::view-transition-old(root), ::view-transition-new(root) { animation-duration: 2s }</style>`;
    site.serve("/next", pageWith(slowly));
    const script = "onmouseup = () => { location.href = '/next'; };";
    const url = site.serve("/", pageWith(slowly + password("left:10px;top:10px"), script));
    const { client, watcher } = await seats({ bot, connect, server }, { url });
    await expectSeen(client);
    await expect.poll(() => watcher.pictures.length).toBeGreaterThan(3);
    for (const event_type of ["down", "up"]) {
      client.send({ type: "mouse_event", event_type, x: 300, y: 300, button: "left", buttons: 0 });
    }
    await expectNoneLeaks(watcher, PICTURES);
  },
);
