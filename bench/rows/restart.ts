/** The row about restarts: the time until operators see their pages again after the server was killed and restarted. */
import { setTimeout as delay } from "node:timers/promises";
import { OperatorConnection } from "../../src/client/operator-connection.ts";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { latencyOf } from "../numbers.ts";
import { BenchServer } from "../server.ts";

const SESSIONS = 10;
const ROUNDS_FULL = 5;
const ROUNDS_QUICK = 2;
/** The longest wait of a supervisor before it restarts a server. Consoles have failed to connect several times by then. */
const DOWN_MS = 2_000;
const PICTURE_DEADLINE_MS = 20_000;

export const RESTART_ROWS: readonly Row[] = [{ key: "resume", run: resume }];

/** The console's own connection, one for each session. Each kill hits another moment of its waits. */
async function resume(bench: Bench): Promise<Result[]> {
  const server = await BenchServer.start();
  const { url } = bench.site.page({ kind: "plain", placed: "main" });
  const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => server.createSession({ url })));
  const operators = sessions.map(({ control_url }) => new Watched(control_url));
  await Promise.all(operators.map((operator) => operator.nextPicture()));
  const times: number[] = [];
  const rounds = bench.pick(ROUNDS_FULL, ROUNDS_QUICK);
  for (let round = 0; round < rounds; round += 1) {
    say(`  round ${round + 1} of ${rounds}: resume`);
    await server.kill();
    const pictures = operators.map((operator) => operator.nextPicture());
    await delay((DOWN_MS * round) / Math.max(1, rounds - 1));
    await server.startAgain();
    const upAt = performance.now();
    times.push(...(await Promise.all(pictures)).map((at) => at - upAt));
  }
  for (const operator of operators) operator.close();
  await server.stop();
  const title = `${SESSIONS} sessions, kill -9: server up again to a picture`;
  return [{ ...emptyResult("resume", title, "ours binary"), latency: latencyOf(times) }];
}

class Watched {
  readonly #connection: OperatorConnection;
  #onPicture: (at: number) => void = () => {};

  constructor(link: string) {
    this.#connection = new OperatorConnection({ link });
    this.#connection.on("binary", () => this.#onPicture(performance.now()));
    this.#connection.open();
  }

  /** Resolves with the arrival time of the next picture. */
  nextPicture(): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("No picture came.")), PICTURE_DEADLINE_MS);
      this.#onPicture = (at) => {
        clearTimeout(timer);
        resolve(at);
      };
    });
  }

  close(): void {
    this.#connection.close();
  }
}
