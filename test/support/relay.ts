/** A line that can be cut: passes TCP on to a server, or is away. */
import { connect, createServer, type Socket } from "node:net";

export interface Relay {
  readonly url: string;
  /** Cuts what is open and refuses what comes. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** From now on what goes this way is lost without a word, as on a line that is dead and does not know it; until it is cut. */
  lose(way: "requests" | "answers"): void;
  /** The next answer of the server is lost with its connection. */
  loseNextAnswer(): void;
  readonly answersLost: number;
  close(): Promise<void>;
}

export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const mute = new Set<"requests" | "answers">();
  let losing = 0;
  let lost = 0;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (data) => mute.has("requests") || far.write(data));
    far.on("data", (data) => {
      if (mute.has("answers")) return;
      if (losing === 0) {
        near.write(data);
        return;
      }
      losing -= 1;
      lost += 1;
      near.destroy();
    });
  });
  const listen = (on: number) => new Promise<void>((resolve) => server.listen(on, "127.0.0.1", resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      mute.clear();
      for (const socket of sockets) socket.destroy();
    });
  await listen(0);
  const address = server.address();
  const own = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${own}`,
    cut: close,
    mend: () => listen(own),
    lose: (way) => mute.add(way),
    loseNextAnswer: () => {
      losing += 1;
    },
    get answersLost() {
      return lost;
    },
    close: () => (server.listening ? close() : Promise.resolve()),
  };
}
