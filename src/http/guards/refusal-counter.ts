/** Counts refusals by error code and surface. One registry per server, as a process may have two servers. */
import { Counter, Registry } from "prom-client";
import type { Code } from "../../errors.ts";

export type Surface = "rest" | "socket";

export class RefusalCounter {
  /** The metrics that GET /metrics shows. */
  readonly registry = new Registry();
  readonly #refused = new Counter({
    name: "captcha_remote_refused_total",
    help: "Requests and messages that were refused or dropped, by error code.",
    labelNames: ["code", "surface"],
    registers: [this.registry],
  });

  count(code: Code, surface: Surface): void {
    this.#refused.inc({ code, surface });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** All metrics in the text format of Prometheus. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}
