/** [W16] [W29] Who may be in control: a watcher never. */
import { expect, test } from "@playwright/test";
import { ControlLease } from "../../src/session/lease.ts";

const WATCHER = { name: "watcher", role: "watch" } as const;
const OPERATOR = { name: "operator", role: "control" } as const;

test("[W16] [W29] joining, pressing and asking give a watcher no control, also where nobody has it", () => {
  const lease = new ControlLease(() => {});
  lease.join(WATCHER);
  lease.take(WATCHER);
  expect(lease.press(WATCHER)).toBe(false);
  expect(lease.act(WATCHER)).toBe(false);
  expect(lease.holder).toBeNull();
});

test("[W16] [W29] a watcher takes nothing from who is in control", () => {
  const lease = new ControlLease(() => {});
  lease.join(WATCHER);
  lease.join(OPERATOR);
  lease.take(WATCHER);
  lease.release(WATCHER);
  expect(lease.press(WATCHER)).toBe(false);
  expect(lease.holder).toBe(OPERATOR);
  expect(lease.press(OPERATOR)).toBe(true);
});
