/** A person's hands in a page and in a frame of it, for frames that share the page's process and for others. */
import { expect, test } from "./fixtures.ts";
import { openHands, reportsOf, TELL } from "./hands.ts";
import { longUnless } from "./long-run.ts";

/** In the page: a thing to drag and a place for it, which tell as `name`. */
export const DRAGGED = (
  name: string,
) => `<div id="thing" draggable="true" style="position:absolute;left:10px;top:10px;width:80px;height:80px;background:#c33"></div>
  <div id="place" style="position:absolute;left:120px;top:10px;width:140px;height:80px;background:#3c3"></div><script>
    thing.ondragstart = (event) => { event.dataTransfer.setData("text/plain", "a thing of ${name}"); tell("${name}", "dragstart"); };
    addEventListener("mousedown", () => tell("${name}", "mousedown"));
    thing.ondragend = () => tell("${name}", "dragend");
    place.ondragover = (event) => event.preventDefault();
    place.ondrop = (event) => { event.preventDefault(); tell("${name}", "drop", event.dataTransfer.getData("text/plain"), event.isTrusted); };
    addEventListener("mouseup", () => tell("${name}", "mouseup"));
    addEventListener("click", () => tell("${name}", "click"));
  </script>`;

/** `whose`: the site of the frame. */
export function testDrags(whose: "the same site" | "another site"): void {
  const tag = longUnless(whose === "another site");
  test(`[W43] [W25] what can be dragged is dropped, in a frame of ${whose} and from frame to frame, and Escape ends it${tag}`, async ({
    server: _server,
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    site.serve(
      "/frame",
      `<body style="margin:0">${TELL.replace('"/tell"', `"${site.origin}/tell"`)}${DRAGGED("frame")}`,
    );
    const frameOrigin = whose === "the same site" ? site.origin : site.otherOrigin;
    const client = await openHands(
      { site, bot, connect },
      `${DRAGGED("page")}<iframe src="${frameOrigin}/frame" style="position:absolute;left:300px;top:200px;width:400px;height:200px;border:0" onload="tell('loaded')"></iframe>`,
    );
    await expect.poll(() => reports).toContainEqual(["loaded"]);
    const mouse = (event_type: string, [x, y]: readonly [number, number], buttons: number) =>
      client.send({ type: "mouse_event", event_type, x, y, button: "left", buttons });
    const drag = async (from: readonly [number, number], to: readonly [number, number], where: string) => {
      mouse("move", from, 0);
      mouse("down", from, 1);
      await expect.poll(() => reports).toContainEqual([where, "mousedown"]);
      for (let step = 1; step <= 10; step += 1)
        mouse("move", [from[0] + ((to[0] - from[0]) * step) / 10, from[1] + ((to[1] - from[1]) * step) / 10], 1);
    };
    const IN_PAGE = [
      [50, 50],
      [150, 50],
    ] as const;
    const IN_FRAME = [
      [350, 250],
      [450, 250],
    ] as const;
    for (const [from, to, source, target] of [
      [IN_PAGE[0], IN_PAGE[1], "page", "page"],
      [IN_FRAME[0], IN_FRAME[1], "frame", "frame"],
      [IN_PAGE[0], IN_FRAME[1], "page", "frame"],
      [IN_FRAME[0], IN_PAGE[1], "frame", "page"],
    ] as const) {
      reports.length = 0;
      await drag(from, to, source);
      mouse("up", to, 0);
      await expect.poll(() => reports).toContainEqual([target, "drop", `a thing of ${source}`, true]);
      await expect.poll(() => reports).toContainEqual([source, "dragend"]);
    }
    reports.length = 0;
    await drag(IN_PAGE[0], IN_PAGE[1], "page");
    client.send({ type: "key", event_type: "down", key: "Escape", code: "Escape" });
    client.send({ type: "key", event_type: "up", key: "Escape", code: "Escape" });
    mouse("up", IN_PAGE[1], 0);
    await expect.poll(() => reports).toContainEqual(["page", "dragend"]);
    // A press is a press again.
    mouse("down", [600, 50], 1);
    mouse("up", [600, 50], 0);
    await expect.poll(() => reports).toContainEqual(["page", "click"]);
    expect(reports.filter(([, what]) => what === "drop")).toEqual([]);
  });
}

export function testTextInFrame(): void {
  test("[W42] [W41] [W25] text and keys reach the field that was pressed in a frame of another site", async ({
    server: _server,
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    site.serve(
      "/frame",
      `<body style="margin:0">${TELL.replace('"/tell"', `"${site.origin}/tell"`)}${'<input maxlength="1" style="width:30px">'.repeat(4)}<input type="date"><script>
        const boxes = [...document.querySelectorAll("[maxlength]")];
        boxes.forEach((box, index) => box.addEventListener("input", () => boxes[index + 1]?.focus()));
        addEventListener("input", tellValues);
        addEventListener("focusin", () => tell("focused"));
        addEventListener("keydown", (event) => event.key === "Enter" && document.querySelector("[type=date]").focus());
      </script>`,
    );
    const client = await openHands(
      { site, bot, connect },
      `<input><iframe src="${site.otherOrigin}/frame" style="position:absolute;left:300px;top:200px;width:400px;height:200px;border:0" onload="tell('loaded')"></iframe>`,
    );
    await expect.poll(() => reports).toContainEqual(["loaded"]);
    const press = { type: "mouse_event", x: 310, y: 210, button: "left" };
    client.send({ ...press, event_type: "down", buttons: 1 });
    client.send({ ...press, event_type: "up", buttons: 0 });
    await expect.poll(() => reports).toContainEqual(["focused"]);
    client.send({ type: "key", event_type: "down", key: "1", code: "Digit1" });
    client.send({ type: "key", event_type: "up", key: "1", code: "Digit1" });
    client.send({ type: "text", text: "23 4", whole: true });
    client.send({ type: "key", event_type: "down", key: "Enter", code: "Enter" });
    client.send({ type: "key", event_type: "up", key: "Enter", code: "Enter" });
    client.send({ type: "text", text: "2001-02-03", whole: true });
    await expect
      .poll(() => reports.findLast(([type]) => type === "values")?.slice(1))
      .toEqual(["1", "2", "3", "4", "2001-02-03"]);
  });
}
