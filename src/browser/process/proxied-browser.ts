/** A browser process and the proxy that takes its traffic: started and stopped as one. */
import type { Server } from "node:http";
import type { Logger } from "pino";
import type { Destinations } from "../../egress/destination.ts";
import { type EgressProxy, startProxy } from "../../egress/proxy.ts";
import { AppError } from "../../errors.ts";
import { adoptBrowser, type BrowserProcess, type BrowserSettings, startBrowser } from "./chromium-process.ts";
import type { ProcessIdentity } from "./process-table.ts";

export interface ProxiedBrowser extends BrowserProcess {
  readonly proxy: EgressProxy;
  /** Stops the proxy alone: the browser runs on, for the next server to take over. */
  detach(): Promise<void>;
}

export interface ProxySettings {
  /** What pages may reach; null: nothing at all, until the proxy is assigned to a session. */
  readonly destinations: Destinations | null;
  /** The port that the proxy listens on; left out: any free one. */
  readonly port?: number | undefined;
  /** Holds the proxy's server while it listens. */
  readonly open?: Set<Server>;
  readonly log: Logger;
}

/** Starts the proxy, then the browser. AppError: browser_unavailable, also where the proxy cannot listen on its port. */
export function startProxiedBrowser(
  settings: Omit<BrowserSettings, "proxyPort">,
  through: ProxySettings,
  signal: AbortSignal,
): Promise<ProxiedBrowser> {
  return behindProxy(through, (proxyPort) => startBrowser({ ...settings, proxyPort }, signal));
}

/**
 * Takes over a browser of an earlier server; `through` has the proxy port that the browser was started with. AppError:
 * browser_lost, browser_unavailable (another program listens on that port now).
 */
export function adoptProxiedBrowser(
  profileDir: string,
  identity: ProcessIdentity,
  through: ProxySettings,
): Promise<ProxiedBrowser> {
  return behindProxy(through, () => adoptBrowser(profileDir, identity));
}

async function behindProxy(
  through: ProxySettings,
  browse: (proxyPort: number) => Promise<BrowserProcess>,
): Promise<ProxiedBrowser> {
  const proxy = await startProxy(through).catch((cause: unknown) => {
    throw new AppError("browser_unavailable", { why: String(cause) }, { cause });
  });
  try {
    const browser = await browse(proxy.port);
    return { ...browser, proxy, detach: proxy.stop, stop: () => browser.stop().finally(proxy.stop) };
  } catch (error) {
    await proxy.stop();
    throw error;
  }
}
