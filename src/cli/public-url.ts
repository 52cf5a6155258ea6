/** Checks whether operators and bots reach a server by its PUBLIC_URL: the console, its files, the API and the operator socket. */
import { WebSocket } from "ws";
import type { Config } from "../config.ts";
import { API_PREFIX } from "../protocol/api-prefix.ts";
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from "../protocol/live.ts";
import type { Finding } from "./finding.ts";

const DEADLINE_MS = 10_000;
/** With a larger difference between the clocks, tickets and deadlines look wrong. */
const MOST_CLOCK_OFF_MS = 5_000;
const CHECK = "PUBLIC_URL";

/** The findings of each check up to the first that failed; one finding if there is no PUBLIC_URL. Never rejects. */
export async function checkPublicUrl({ publicUrl }: Pick<Config, "publicUrl">): Promise<Finding[]> {
  if (publicUrl === undefined) {
    const found = "not set: links are made for the address that the server listens on";
    return [{ check: CHECK, state: "ok", found }];
  }
  const api = publicUrl + API_PREFIX;
  const findings: Finding[] = [];
  // After a failed check the later ones cannot succeed.
  for (const check of [checkPage, checkHealth, checkSocket]) {
    const finding = await check(api);
    findings.push(finding);
    if (finding.state === "failed") break;
  }
  return findings;
}

/** Checks the page that an operator's link opens, and its script. */
async function checkPage(api: string): Promise<Finding> {
  const url = `${api}/control/doctor`;
  const start = "Is the server running, and does the proxy hand on the whole path below it?";
  try {
    const page = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS), redirect: "manual" });
    if (page.status !== 200) return failed(`${url} answers HTTP ${page.status}`, start);
    if (!(await page.text()).includes("console/console.js")) {
      return failed(`${url} is another page`, "PUBLIC_URL or the proxy leads elsewhere: see deploy/ for both proxies.");
    }
    const script = await fetch(`${api}/console/console.js`, { signal: AbortSignal.timeout(DEADLINE_MS) });
    if (script.status !== 200) return failed(`the page's files answer HTTP ${script.status}`, start);
    return ok(`${url} opens the console`);
  } catch (error) {
    return failed(`${url} cannot be reached: ${causeOf(error)}`, start);
  }
}

async function checkHealth(api: string): Promise<Finding> {
  const url = `${api}/healthz`;
  try {
    const health = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
    if (health.status !== 200) return failed(`${url} answers HTTP ${health.status}`, "See the server's log.");
    const off = Date.now() - Date.parse(health.headers.get("date") ?? "");
    if (Math.abs(off) > MOST_CLOCK_OFF_MS) {
      return failed(
        `the clocks there and here are ${Math.round(off / 1_000)} s apart`,
        "timedatectl set-ntp true, on both.",
      );
    }
    return ok("the server is healthy, and its clock is ours");
  } catch (error) {
    return failed(`${url} cannot be reached: ${causeOf(error)}`, "See the server's log.");
  }
}

/** Opens the operator socket of an unknown session, as a console does, and where that fails without subprotocols [W59]. */
async function checkSocket(api: string): Promise<Finding> {
  const url = `${api.replace(/^http/, "ws")}/ws/doctor`;
  const trouble = await troubleWith(url, [BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL]);
  if (trouble === null) return ok("sockets get through");
  const bareTrouble = await troubleWith(url, []);
  if (bareTrouble !== null) {
    return failed(
      `${url} ${bareTrouble}`,
      "The proxy must hand on upgrades: Connection and Upgrade in nginx, as in deploy/nginx.conf.",
    );
  }
  return {
    check: CHECK,
    state: "warning",
    found: `sockets get through only without subprotocols: with them ${url} ${trouble}`,
    fix: "Something on the way drops Sec-WebSocket-Protocol. Let it pass in both directions: consoles come in without it, but later.",
  };
}

/** What is wrong with a socket that offers these subprotocols; null: the server's answer came. It closes the socket itself. */
function troubleWith(url: string, protocols: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, [...protocols], {
      headers: { authorization: "Bearer doctor" },
      handshakeTimeout: DEADLINE_MS,
    });
    const late = setTimeout(() => settle("opens, and nothing comes"), DEADLINE_MS);
    const settle = (trouble: string | null) => {
      clearTimeout(late);
      socket.terminate();
      resolve(trouble);
    };
    socket.once("message", () => settle(null));
    socket.once("unexpected-response", (_request, { statusCode }) => settle(`answers HTTP ${statusCode}`));
    // The library's word for a dropped header: "Server sent no subprotocol".
    socket.on("error", (error) => settle(`cannot be opened: ${error.message}`));
    socket.once("close", (code) => settle(`closes with ${code} before anything came`));
  });
}

function ok(found: string): Finding {
  return { check: CHECK, state: "ok", found };
}

function failed(found: string, fix: string): Finding {
  return { check: CHECK, state: "failed", found, fix };
}

/** The reason of a failed fetch, which `fetch` hides in the error's cause. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? cause.message : String(error);
}
