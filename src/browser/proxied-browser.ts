/** A browser process and the proxy that it goes out through: started and stopped as one. */
import type { Logger } from "pino";
import type { Destinations } from "../egress/destination.ts";
import { type EgressProxy, startProxy } from "../egress/proxy.ts";
import { AppError } from "../errors.ts";
import { type BrowserProcess, type BrowserSettings, startBrowser } from "./process.ts";

export interface ProxiedBrowser extends BrowserProcess {
  readonly proxy: EgressProxy;
}

export interface ProxySettings {
  readonly destinations: Destinations;
  /** Where the proxy is to listen; left out: any free port. */
  readonly port?: number | undefined;
  readonly log: Logger;
}

/** AppError: browser_unavailable, also where the proxy cannot listen on its port. */
export async function startProxiedBrowser(
  settings: Omit<BrowserSettings, "proxyPort">,
  through: ProxySettings,
  signal: AbortSignal,
): Promise<ProxiedBrowser> {
  const proxy = await startProxy(through).catch((cause: unknown) => {
    throw new AppError("browser_unavailable", { why: String(cause) }, { cause });
  });
  try {
    const browser = await startBrowser({ ...settings, proxyPort: proxy.port }, signal);
    return { ...browser, proxy, stop: () => browser.stop().finally(proxy.stop) };
  } catch (error) {
    await proxy.stop();
    throw error;
  }
}
