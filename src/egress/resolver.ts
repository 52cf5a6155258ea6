/**
 * Resolves names. The system's own lookup blocks one of the process' two threads for it while a name server is silent: a
 * page that asks for such names would hold up all sessions. So names are asked for over sockets. Names that only the
 * system can resolve are left to it, one at a time.
 */
import { lookup, Resolver } from "node:dns/promises";
import { readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";

const HOSTS_FILE = "/etc/hosts";
/** The longest wait for one question to one name server, which is asked twice. */
const ANSWER_DEADLINE_MS = 2_000;
const TRIES = 2;
/** The most names without a dot that wait for the system's own lookup. */
const MAX_WAITING = 32;

/** Returns the addresses of a name, IPv4 and IPv6, as text. Rejects with an error that has a `code`, as node:dns does. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface ResolverOptions {
  /** The addresses of name servers; left out: the system's. */
  readonly servers?: readonly string[];
  readonly hostsFile?: string;
  /** How long one question to one name server may take, ms. */
  readonly answerWithinMs?: number;
}

/** Makes a resolver for the whole process. */
export function makeResolver(options: ResolverOptions = {}): Resolve {
  const { servers, hostsFile = HOSTS_FILE, answerWithinMs = ANSWER_DEADLINE_MS } = options;
  const resolver = new Resolver({ timeout: answerWithinMs, tries: TRIES });
  if (servers) resolver.setServers(servers);
  const hosts = new HostsFile(hostsFile);
  const oneByOne = queue(MAX_WAITING);
  return async (name) => {
    const known = hosts.find(name);
    if (known) return known;
    // It may be a name below one of the system's search domains.
    if (!name.replace(/\.$/, "").includes(".")) return oneByOne(() => systemLookup(name));
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const found = [v4, v6].flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (found.length === 0 && v4.status === "rejected") throw v4.reason;
    return found;
  };
}

async function systemLookup(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** Runs one task after the other, and refuses a task where too many wait. */
function queue(maxWaiting: number) {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting >= maxWaiting) throw Object.assign(new Error("too many names are asked for"), { code: "EAGAIN" });
    waiting += 1;
    const done = last.then(work).finally(() => {
      waiting -= 1;
    });
    last = done.catch(() => {});
    return done;
  };
}

/** The names in the machine's hosts file, which is read again when it has changed. */
class HostsFile {
  readonly #path: string;
  #version = "";
  #names = new Map<string, string[]>();

  constructor(path: string) {
    this.#path = path;
  }

  find(name: string): readonly string[] | undefined {
    try {
      const { mtimeMs, size } = statSync(this.#path);
      if (this.#version !== `${mtimeMs} ${size}`) {
        this.#names = parseHosts(readFileSync(this.#path, "utf8"));
        this.#version = `${mtimeMs} ${size}`;
      }
    } catch {
      // The machine has no such file.
      return undefined;
    }
    return this.#names.get(name.toLowerCase().replace(/\.$/, ""));
  }
}

function parseHosts(text: string): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const alias of aliases) names.set(alias.toLowerCase(), [...(names.get(alias.toLowerCase()) ?? []), address]);
  }
  return names;
}

/** The resolver of this process. */
export const systemResolve: Resolve = makeResolver();
