/** [R20] Reads what is open now from its owners: nothing is counted here, so nothing can be counted wrongly. */
import { Gauge, type Registry } from "prom-client";
import type { BrowserGauges, GaugeName, Gauges } from "../protocol/health.ts";
import type { CaptchaRemoteController } from "../session/controller.ts";

export type ReadGauges = () => Promise<Gauges>;

/** Where the numbers come from. */
export interface GaugeOwners {
  readonly controller: Pick<CaptchaRemoteController, "open">;
  readonly sockets: ReadonlySet<unknown>;
  readonly eventSockets: ReadonlySet<unknown>;
  readonly relaySockets: ReadonlySet<unknown>;
  readonly streams: ReadonlySet<unknown>;
  readonly browsers: { open(): Promise<BrowserGauges> };
}

/** A function that reads all gauges, each time it is called. */
export function gaugesOf(owners: GaugeOwners): ReadGauges {
  const { controller, sockets, eventSockets, relaySockets, streams, browsers } = owners;
  return async () => {
    const { sessions, releasing } = controller.open;
    const here = {
      operator_sockets: sockets.size,
      event_sockets: eventSockets.size,
      relay_sockets: relaySockets.size,
      event_streams: streams.size,
      listeners: listeningSockets(),
    };
    return { sessions, releasing, ...here, ...(await browsers.open()) };
  };
}

/** Adds the gauges to the registry of GET /metrics, which reads them for each answer. */
export function exposeGauges(registry: Registry, read: ReadGauges): void {
  new Gauge({
    name: "captcha_remote_open",
    help: "What is open now, by kind: docs/protocol/operations.md [R20].",
    labelNames: ["kind"],
    registers: [registry],
    async collect() {
      for (const [kind, open] of Object.entries(await read()) as [GaugeName, number][]) this.set({ kind }, open);
    },
  });
}

/** Of the whole process: Node does not count them by server. */
function listeningSockets(): number {
  const kinds = process.getActiveResourcesInfo();
  return kinds.filter((kind) => kind === "TCPServerWrap" || kind === "PipeServerWrap").length;
}
