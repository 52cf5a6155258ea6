/** Ends a test run with the plain line "N passed, N failed", and leaves it in a file for .ci/run. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { FullConfig, FullResult, Reporter, Suite, TestCase, TestError } from "@playwright/test/reporter";

/** Playwright empties this folder as a run begins, so a line found there is of the run that has just ended. */
const SUMMARY_FILE = "test-results/summary.txt";

export default class SummaryReporter implements Reporter {
  #root: Suite | undefined;
  #errorsOutsideTests = 0;

  onBegin(_config: FullConfig, root: Suite): void {
    this.#root = root;
  }

  onError(_error: TestError): void {
    this.#errorsOutsideTests += 1;
  }

  onEnd(result: FullResult): void {
    const tests = this.#root?.allTests() ?? [];
    const count = (outcome: ReturnType<TestCase["outcome"]>) =>
      tests.filter((test) => test.outcome() === outcome).length;
    const flaky = count("flaky");
    const passed = count("expected") + flaky;
    // A run can fail without a failed test: a file that does not load, the time limit of the run, no test at all.
    const failed = Math.max(count("unexpected") + this.#errorsOutsideTests, result.status === "passed" ? 0 : 1);
    const skipped = count("skipped");

    for (const test of tests) {
      if (test.outcome() === "flaky") say(`flaky: ${test.titlePath().filter(Boolean).join(" > ")}`);
    }
    if (flaky > 0) say(`${flaky} of the passed tests failed first: a flaky test is a defect`);
    const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
    mkdirSync(dirname(SUMMARY_FILE), { recursive: true });
    writeFileSync(SUMMARY_FILE, `${line}\n`);
    say(line);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
