/** The program and its storage: what is told at the start where that cannot be used, and a disk that is full for a while. */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../support/commands.ts";
import { EventStream } from "../support/event-stream.ts";
import { expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { type RunningProgram, runProgram, startProgram } from "../support/programs.ts";
import { call, test } from "../support/requests.ts";
import { SECRET, WebhookReceiver } from "../support/webhook-receiver.ts";

test("[S5] storage that cannot be used is told in one sentence at the start, by the server and by commands", async ({
  startServer,
}) => {
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  const spoiled = async (name: string, file: string) => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, file), "Dear diary, ".repeat(1_000));
    return join(folder, name);
  };
  try {
    const [data, lock, none] = [await spoiled("a", "sessions.db"), await spoiled("b", "server.lock"), "/proc/none"];
    const damaged = `${data}/sessions.db is damaged: move it away to begin anew, with sessions.db-wal and sessions.db-shm beside it, or put a backup in their place.`;
    const started = await runProgram(["--data-dir", data], { PORT: "0", DEMO: "off" });
    expect(started).toEqual({ code: 1, out: `captcha-remote cannot start:\n  ${damaged}\n` });
    await expect(runCommand(["keys", "list", "--data-dir", data])).rejects.toMatchObject({ message: damaged });
    for (const [dataDir, why] of [
      [lock, `${lock}/server.lock is damaged: remove it, nothing is kept in it.`],
      [none, `${none} cannot be made a folder (ENOENT): set DATA_DIR to one that can be written.`],
    ] as const) {
      await expect(startServer({ DATA_DIR: dataDir })).rejects.toMatchObject({ message: why });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** From now on the program can write to no file, as on a full disk, or can again. Its browsers can all the time. */
function setFull({ pid }: RunningProgram, isFull: boolean): void {
  // The soft limit only: without rights one may lift that again.
  const limit = `--fsize=${isFull ? 1 : "unlimited"}:unlimited`;
  expect(spawnSync("prlimit", ["--pid", String(pid), limit]).status).toBe(0);
}

test("[R10] [R14] a full disk: no session is made, one that lives goes on, and its end is stored and told once there is room", async ({
  site,
  connect,
}) => {
  test.skip(spawnSync("prlimit", ["--version"]).status !== 0, "no prlimit on this machine");
  const receiver = await WebhookReceiver.start();
  const program = await startProgram();
  try {
    const url = site.serve("/", "<title>page</title>");
    const session = { url, session_id: "one", callback_url: receiver.url, callback_secret: SECRET };
    const created = await call("POST", `${program.api}/sessions`, session);
    expect(created.status).toBe(201);
    const operator = await connect(created.body.ws_url);
    await receiver.next("session.operator_joined");
    const path = `${program.api}/session/one`;

    setFull(program, true);
    const again = { "idempotency-key": "k", prefer: "respond-async" };
    const refused = await call("POST", `${program.api}/sessions`, { url, session_id: "two" }, again);
    expect([refused.status, refused.body.error.code]).toEqual([503, "storage_unavailable"]);
    expect(refused.headers.get("retry-after")).toBe("5");
    expect((await call("GET", `${program.api}/session/two`)).status).toBe(404);

    // An operator acts, and ends it.
    operator.send({ type: "mouse_event", event_type: "click", x: 1, y: 1 });
    const polled = call("GET", `${program.api}/status/one?wait=50`);
    operator.send({ type: "finish", outcome: "cannot" });
    expect((await polled).body).toMatchObject({ state: "failed", reason: "operator_gave_up" });
    await operator.next("session_state", ({ state, reason }) => state === "failed" && reason === "operator_gave_up");
    expect((await call("GET", `${path}/result`)).body).toMatchObject({ outcome: "failed", reason: "operator_gave_up" });
    const stream = await EventStream.open(`${path}/events`);
    expect((await stream.next("session.state")).data).toMatchObject({ state: "failed", reason: "operator_gave_up" });
    expect(receiver.types()).toEqual(["session.operator_joined"]);

    setFull(program, false);
    expect((await receiver.next("session.ended")).event.data).toMatchObject({ reason: "operator_gave_up" });
    expect((await stream.next("session.ended")).data).toMatchObject({ reason: "operator_gave_up" });
    const room = await call("POST", `${program.api}/sessions`, { url, session_id: "two" }, again);
    expect(room.status).toBe(201);
    expect(program.out().match(/session could not be stored yet/g)).toHaveLength(1);
  } finally {
    await program.remove();
    await receiver.stop();
  }
});
