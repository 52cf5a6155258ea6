/** The Python client as it is installed: built without a network, put into a fresh environment, and used by a bot. */
import { execFile, spawn } from "node:child_process";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, TEST_FOLDER_PREFIX, test as withServer } from "../support/fixtures.ts";
import { TEST_KEY } from "../support/key.ts";
import { watchProgram } from "../support/programs.ts";
import { CLIENT_FOLDER, pythonWith } from "../support/python.ts";
import { HANDS, puzzleCount } from "../support/solve-demo.ts";

/** Debian's packages python3-build, python3-wheel, python3-setuptools and python3-venv. */
const BUILDER = pythonWith("build", "wheel", "setuptools", "venv", "ensurepip");
const WHY =
  "no Python here has build, wheel, setuptools and venv: apt-get install python3-build python3-wheel python3-venv";

const run = promisify(execFile);

interface Installed {
  readonly wheel: string;
  readonly sdist: string;
  /** The Python of the environment. */
  readonly python: string;
}

const test = withServer.extend<object, { installed: Installed }>({
  installed: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
    async ({}, use) => {
      if (BUILDER === undefined) throw new Error(WHY);
      const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
      const [source, built, home] = [join(folder, "source"), join(folder, "built"), join(folder, "environment")];
      // The build leaves folders beside its sources: the working tree stays as it is.
      await cp(CLIENT_FOLDER, source, {
        recursive: true,
        filter: (path) => !/(__pycache__|\.egg-info|\/build|\/dist)$/.test(path),
      });
      // Without isolation nothing is fetched. The wheel is made of the sdist, so that has all that it needs.
      await run(BUILDER, ["-m", "build", "--no-isolation", "--outdir", built, source]);
      const files = await readdir(built);
      const wheel = join(built, files.find((name) => name.endsWith(".whl")) ?? "no wheel");
      const sdist = join(built, files.find((name) => name.endsWith(".tar.gz")) ?? "no sdist");
      await run(BUILDER, ["-m", "venv", home]);
      const python = join(home, "bin/python");
      await run(python, ["-m", "pip", "install", "--no-index", "--disable-pip-version-check", wheel]);
      await use({ wheel, sdist, python });
      await rm(folder, { recursive: true, force: true });
    },
    { scope: "worker", timeout: 600_000 },
  ],
});

// One build for all of them: each worker would make its own.
test.describe.configure({ mode: "default" });
test.skip(BUILDER === undefined, WHY);

test("wheel and sdist have the package with its types, its licence and its readme, and nothing else", async ({
  installed: { wheel, sdist, python },
}) => {
  const { stdout } = await run(python, ["-m", "zipfile", "--list", wheel]);
  const inWheel = [...stdout.matchAll(/^(\S+\/\S+) +\d{4}-/gm)].map(([, name = ""]) => name);
  const own = inWheel.filter((name) => !name.includes(".dist-info/"));
  const modules = (await readdir(`${CLIENT_FOLDER}/src/captcha_remote`)).filter(
    (name) => !name.startsWith("__pycache__"),
  );
  expect(own.sort()).toEqual(modules.map((name) => `captcha_remote/${name}`).sort());
  expect(own).toContain("captcha_remote/py.typed");
  expect(inWheel.some((name) => name.endsWith(".dist-info/LICENSE"))).toBe(true);
  const { stdout: inSdist } = await run("tar", ["-tzf", sdist]);
  for (const name of ["pyproject.toml", "README.md", "LICENSE"]) {
    expect(inSdist).toMatch(new RegExp(`^captcha.remote-[^/]+/${name}$`, "m"));
  }
});

test("it needs no other package, says which Python it is for, and has relay as an extra", async ({
  installed: { python },
}) => {
  const code = `import importlib.metadata as m, json
about = m.metadata("captcha-remote")
names = sorted(d.metadata["Name"] for d in m.distributions())
print(json.dumps([names, m.requires("captcha-remote"), about["Requires-Python"], about.get_all("Provides-Extra")]))`;
  const [names, requires, pythons, extras] = JSON.parse((await run(python, ["-I", "-c", code])).stdout);
  // The others are the environment's own.
  expect(names.filter((name: string) => !["pip", "setuptools"].includes(name))).toEqual(["captcha-remote"]);
  expect(requires).toHaveLength(1);
  expect(requires[0]).toMatch(/^websockets.*extra == .relay.$/);
  expect([pythons, extras]).toEqual([">=3.9", ["relay"]]);
});

const BOT = `import json, os, sys
from captcha_remote import Client
client = Client(sys.argv[2], os.environ["CAPTCHA_REMOTE_KEY"])
states = []
result = client.solve(
    {"url": sys.argv[1]},
    on_link=lambda link, session: print(link, session["session_id"], flush=True),
    on_state=lambda state, status: states.append(state),
)
print(json.dumps([result["outcome"], result["verified"], len(result["storage_state"]["cookies"]) > 0, states]))`;

test("[R10] [R6] [R11] a bot in a fresh environment solves: a link to a person, whose hands clear it, and the result", async ({
  installed: { python },
  server,
  bot,
  operator,
}) => {
  const before = puzzleCount(server, "jigsaw");
  const env = { PATH: process.env["PATH"] ?? "", CAPTCHA_REMOTE_KEY: TEST_KEY };
  const args = ["-I", "-W", "error", "-c", BOT, `${server.demoOrigin}/jigsaw.html`, server.url];
  const child = spawn(python, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  try {
    const solving = watchProgram(child);
    await expect.poll(solving.out).toMatch(/^http\S+ \S+\n/);
    const [link = "", id = ""] = solving.out().trim().split(" ");
    await operator.open(link);
    const { captcha_info: box } = await bot.info(id);
    if (!box) throw new Error("The challenge was not found.");
    await HANDS.jigsaw(operator, server, box, before);
    expect(await solving.exitCode, solving.out()).toBe(0);
    const [outcome, verified, hasCookies, states] = JSON.parse(solving.out().split("\n")[1] ?? "");
    expect([outcome, verified, hasCookies]).toEqual(["solved", "checked", true]);
    expect(states.at(-1)).toBe("solved");
  } finally {
    child.kill();
  }
});
