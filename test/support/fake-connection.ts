/** For tests of the operator's connection: a clock and sockets that the test drives. */
import {
  type ConnectionOptions,
  type ConnectionState,
  OperatorConnection,
} from "../../src/client/operator-connection.ts";

/** Time that passes when the test says so. */
export class TestClock {
  time = 0;
  #timers = new Set<{ at: number; run: () => void }>();

  now = () => this.time;

  later = (run: () => void, ms: number) => {
    const timer = { at: this.time + ms, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  get armed(): number {
    return this.#timers.size;
  }

  pass(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }
}

export class FakeSocket {
  binaryType = "";
  readyState = 0;
  readonly sent: { type: string }[] = [];
  readonly url: string;
  /** Subprotocols. */
  readonly offered: readonly string[];
  readonly #listeners = new Map<string, (event: object) => void>();

  constructor(url = "", offered: readonly string[] = []) {
    this.url = url;
    this.offered = offered;
  }

  addEventListener(type: string, listener: (event: object) => void): void {
    this.#listeners.set(type, listener);
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }

  close(): void {
    this.readyState = 3;
  }

  accept(): void {
    this.readyState = 1;
    this.#tell("open", {});
  }

  say(message: object): void {
    this.#tell("message", { data: JSON.stringify(message) });
  }

  drop(code: number): void {
    this.readyState = 3;
    this.#tell("close", { code });
  }

  #tell(type: string, event: object): void {
    this.#listeners.get(type)?.(event);
  }
}

/** An operator connection on sockets and a clock of the test's own. */
export function newConnection(options: Partial<ConnectionOptions> = {}) {
  const clock = new TestClock();
  const sockets: FakeSocket[] = [];
  const states: ConnectionState[] = [];
  const connection = new OperatorConnection({
    url: "ws://test",
    clock,
    random: () => 0,
    WebSocket: class extends FakeSocket {
      constructor(url: string, offered?: string[]) {
        super(url, offered);
        sockets.push(this);
      }
    },
    ...options,
  });
  connection.on("state", (state) => states.push(state));
  connection.open();
  const last = () => sockets.at(-1) ?? new FakeSocket();
  const connect = () => {
    last().accept();
    last().say({ type: "session_info" });
  };
  return { clock, sockets, states, connection, last, connect };
}
