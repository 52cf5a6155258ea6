/** [R18] Notices of the server about itself. */
import { randomUUID } from "node:crypto";
import type { SystemEvent } from "../protocol/events.ts";

export function systemNotice(
  level: SystemEvent["data"]["level"],
  code: SystemEvent["data"]["code"],
  message: string,
): SystemEvent {
  const timestamp = new Date().toISOString();
  return { id: `evt_${randomUUID()}`, type: "system.notice", timestamp, data: { level, code, message } };
}
