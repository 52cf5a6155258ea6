/** Sounds of the challenge are offered to the person in control, who fetches them. */
import { BRIEF_SEARCH_MS, expect, type TestSite, test } from "../support/fixtures.ts";
import { fetchAsBot, NO_KEY } from "../support/key.ts";
import type { LiveClient } from "../support/live-client.ts";
import { call } from "../support/requests.ts";
import { wav } from "../support/wav.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS, siteIsolation: true });

const RAW = { protocols: ["captcha.json.v1"] };
const CLIP = wav(400);

function serveSound(site: TestSite, path: string, bytes: Buffer, type = "audio/wav"): void {
  site.serve(path, (_request, response) => {
    response.setHeader("content-type", type).setHeader("cache-control", "no-store").end(bytes);
  });
}

/** A challenge in a frame of another site, which plays sounds in every way; and a page around it that has its own. */
function serveChallenge(site: TestSite): string {
  serveSound(site, "/one.wav", CLIP);
  serveSound(site, "/two.wav", wav(500));
  serveSound(site, "/three.bin", wav(600), "application/octet-stream");
  serveSound(site, "/four.wav", wav(700));
  serveSound(site, "/jingle.wav", wav(50));
  serveSound(site, "/endless.mp3", Buffer.alloc(6_000_000), "audio/mpeg");
  site.serve(
    "/captcha-frame",
    `<audio controls preload="auto"></audio><script>
      const kept = [];
      const listen = () => {
        document.querySelector("audio").src = "/one.wav";
        kept.push(new Audio("/three.bin"));
        fetch("/two.wav").then((response) => response.arrayBuffer());
        fetch("/four.wav").then((response) => response.blob()).then((blob) => kept.push(new Audio(URL.createObjectURL(blob))));
        onclick = () => kept.push(new Audio("/endless.mp3"));
      };
      onclick = listen;
    </script>`,
  );
  return site.serve(
    "/",
    `<audio src="/jingle.wav" preload="auto"></audio>
     <iframe id="my-captcha" src="${site.otherOrigin}/captcha-frame" style="width:400px;height:200px"></iframe>`,
  );
}

test("[W51] [R26] clips that the challenge's frame loads are offered to who is in control, and can be fetched", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const session = await bot.create({ url: serveChallenge(site) });
  const client = await connect(session.ws_url, RAW);
  await client.next("control", ({ you }) => you);
  client.send({ type: "features", features: ["sound"] });
  const press = (hands: LiveClient) => {
    hands.send({ type: "mouse_event", event_type: "down", button: "left", x: 300, y: 150 });
    hands.send({ type: "mouse_event", event_type: "up", button: "left", x: 300, y: 150 });
  };
  press(client);
  const sounds = () => client.received.filter((message) => message.type === "sound");
  await expect
    .poll(() =>
      sounds()
        .map(({ bytes }) => bytes)
        .toSorted(),
    )
    .toEqual([444, 544, 644, 744]);
  const [first] = sounds().filter(({ bytes }) => bytes === CLIP.length);
  expect(first).toMatchObject({ mime: "audio/wav", at: expect.stringMatching(/^\d{4}-/) });

  const path = `${server.api}/session/${session.session_id}/sounds/${first?.sound_id}`;
  const response = await fetchAsBot(path);
  expect(response.headers.get("content-type")).toBe("application/octet-stream");
  expect(Buffer.from(await response.arrayBuffer())).toEqual(CLIP);

  // Who takes control later is offered them, too; who only watches neither hears of them nor gets them.
  const { body: watch } = await call("POST", `${server.api}/session/${session.session_id}/links`, { role: "watch" });
  const watcher = { authorization: `Bearer ${new URL(watch.url).hash.slice(1)}` };
  expect((await call("GET", path, undefined, watcher)).body.error.code).toBe("forbidden");
  expect((await call("GET", path, undefined, NO_KEY)).status).toBe(401);
  expect((await call("GET", `${path}x`)).body.error.code).toBe("sound_not_found");
  const later = await connect(session.ws_url, RAW);
  later.send({ type: "features", features: ["sound"] });
  await later.next("session_info");
  expect(later.received.filter(({ type }) => type === "sound")).toEqual([]);
  later.send({ type: "take_control" });
  await expect.poll(() => later.received.filter(({ type }) => type === "sound")).toHaveLength(4);

  // Too large to be offered: that is said.
  press(later);
  const notice = await later.next("page_notice", (message) => message.notice === "sound_not_offered");
  expect(notice.url).toBe(`${site.otherOrigin}/endless.mp3`);
});
