/** What a watcher sees of secrets in frames; the same for frames in one process and in several. */
import { BRIEF_SEARCH_MS, expect, test } from "./fixtures.ts";
import type { ReceivedPicture } from "./live-client.ts";
import { expectNoneLeaks, expectSeen, PICTURES, pageWith, password, STYLE, seats, secretPx } from "./secret-page.ts";

export function frameMaskTests(): void {
  test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

  test("[W28] fields in frames of this site, of another, and inside of each other", async ({
    site,
    bot,
    connect,
    server,
  }) => {
    const inner = `<!doctype html>${STYLE}${password("left:20px;top:20px")}`;
    site.serve("/inner", inner);
    site.serve(
      "/nest",
      `<!doctype html>${STYLE}<iframe src="${site.origin}/inner" style="left:20px;top:5px;width:180px;height:90px"></iframe>`,
    );
    const frame = (src: string, style: string) => `<iframe src="${src}" style="${style}"></iframe>`;
    const url = site.serve(
      "/",
      pageWith(
        frame("/inner", "left:10px;top:10px") +
          frame(`${site.otherOrigin}/inner`, "left:300px;top:30px") +
          frame(`${site.otherOrigin}/nest`, "left:10px;top:200px;transform:scale(1.2);transform-origin:0 0") +
          frame(`${site.otherOrigin}/inner`, "left:360px;top:220px;transform:rotate(20deg)"),
      ),
    );
    const { client, watcher } = await seats({ bot, connect, server }, { url });
    await expect.poll(async () => secretPx(client.pictures.at(-1) as ReceivedPicture)).toBeGreaterThan(3 * 120 * 40);
    await expectNoneLeaks(watcher, PICTURES);
  });

  test("[W28] a frame whose page comes late, while a watcher is there, shows nothing @long", async ({
    site,
    bot,
    connect,
    server,
  }) => {
    const inner = `<!doctype html>${STYLE}${password("left:20px;top:20px")}`;
    site.serve("/late", (_request, response) => {
      setTimeout(() => response.setHeader("content-type", "text/html").end(inner), 200);
    });
    const script = `onmouseup = () => document.body.insertAdjacentHTML("beforeend",
        '<iframe src="/late" style="left:10px;top:10px"></iframe>');`;
    const url = site.serve("/", pageWith("", script));
    const { client, watcher } = await seats({ bot, connect, server }, { url });
    await expect.poll(() => watcher.pictures.length).toBeGreaterThan(3);
    for (const event_type of ["down", "up"]) {
      client.send({ type: "mouse_event", event_type, x: 300, y: 300, button: "left", buttons: 0 });
    }
    await expectSeen(client);
    await expectNoneLeaks(watcher, PICTURES);
  });

  test("[W28] a frame that moves, and one that comes and goes, shows nothing @long", async ({
    site,
    bot,
    connect,
    server,
  }) => {
    site.serve("/inner", `<!doctype html>${STYLE}${password("left:20px;top:20px")}`);
    const script = `let step = 0; const frame = document.querySelector("iframe"); const move = () => {
        step += 1;
        frame.style.left = (step * 7) % 300 + "px";
        if (step % 40 === 0) document.querySelector("#other")?.remove();
        if (step % 40 === 20) document.body.insertAdjacentHTML("beforeend",
          '<iframe id="other" src="${site.otherOrigin}/inner" style="left:10px;top:220px"></iframe>');
        requestAnimationFrame(move);
      }; move();`;
    const url = site.serve("/", pageWith(`<iframe src="${site.otherOrigin}/inner" style="top:20px"></iframe>`, script));
    const { client, watcher } = await seats({ bot, connect, server }, { url });
    await expectSeen(client);
    await expectNoneLeaks(watcher, PICTURES);
  });
}
