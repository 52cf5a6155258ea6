/** Takes the pictures of the surfaces: those that are kept, or all of them in all looks. */
import type { Browser } from "playwright";
import type { CreateSessionInput, SessionAnswer } from "../../src/protocol/rest.ts";
import { isLook, LOOKS, type LookName } from "./looks.ts";
import { savePicture } from "./save.ts";
import { startSurfaceSite } from "./surface-site.ts";
import { Scene, SURFACES, type Surface } from "./surfaces.ts";

/** On a busy machine. */
const STEP_DEADLINE_MS = 15_000;
const LABELS = { "en-US": "Parcel 4711", "zh-CN": "包裹 4711" } as const;

export interface SurfaceShots {
  readonly browser: Browser;
  /** Address of the REST routes. */
  readonly api: string;
  /** One that may do everything there. */
  readonly key: string;
  /** Where a surface in a look is kept; undefined: it is not taken. */
  fileOf(surface: Surface, look: LookName): string | undefined;
}

/** A surface that does not come up, twice, is named, and the others are taken; then it rejects. */
export async function takeSurfaces({ browser, api, key, fileOf }: SurfaceShots): Promise<void> {
  const site = await startSurfaceSite();
  const failures: string[] = [];
  try {
    for (const surface of SURFACES) {
      for (const look of Object.keys(LOOKS).filter(isLook)) {
        const file = surface.without?.includes(look) ? undefined : fileOf(surface, look);
        if (file === undefined) continue;
        const shot = { browser, api, key, site: site.origin, surface, look, file };
        try {
          // On a busy machine a press may come before the page can take it.
          await takeSurface(shot).catch(() => takeSurface(shot));
          console.log(file);
        } catch (error) {
          failures.push(`${surface.name}, ${look}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    }
  } finally {
    await site.stop();
  }
  if (failures.length > 0) throw new Error(failures.join("\n"));
}

interface OneShot extends Pick<SurfaceShots, "browser" | "api" | "key"> {
  readonly site: string;
  readonly surface: Surface;
  readonly look: LookName;
  readonly file: string;
}

async function takeSurface({ browser, api, key, site, surface, look, file }: OneShot): Promise<void> {
  const options = LOOKS[look];
  const label = LABELS[options.locale];
  const asked = { api, headers: { authorization: `Bearer ${key}` } };
  const sessions: [SessionAnswer, ...SessionAnswer[]] = [
    await createSession(asked, { ...surface.body, url: `${site}/${surface.path}`, label }),
  ];
  if (surface.isInInbox) sessions.push(await createSession(asked, { url: `${site}/slider`, label }));
  const context = await browser.newContext({ ...options, permissions: ["clipboard-read", "clipboard-write"] });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(STEP_DEADLINE_MS);
    const scene = new Scene(page, "hasTouch" in options, surface.body);
    if (surface.isInInbox) {
      await page.goto(`${api}/control`);
      await page.locator("#key-input").fill(key);
      await page.locator("#key-use").click();
      await page
        .locator("canvas.drawn")
        .nth(sessions.length - 1)
        .waitFor();
    } else {
      await page.goto(sessions[0].control_url);
      await scene.untilLive();
    }
    await surface.show(scene);
    await savePicture(page, file);
  } finally {
    await context.close();
    for (const { session_id } of sessions) {
      await fetch(`${api}/session/${session_id}`, { method: "DELETE", headers: asked.headers });
    }
  }
}

async function createSession(
  { api, headers }: { api: string; headers: Record<string, string> },
  body: CreateSessionInput,
): Promise<SessionAnswer> {
  const response = await fetch(`${api}/sessions`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as SessionAnswer;
}
