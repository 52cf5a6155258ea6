/** The table of attacks says the truth: every test that it names is there. */
import { readFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";

test("every attack of the table has its test", async () => {
  const table = await readFile(new URL("./README.md", import.meta.url), "utf8");
  const rows = table.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| attack"));
  expect(rows.length).toBeGreaterThan(40);
  for (const row of rows) {
    const [, file = "", words = ""] = /`([\w./-]+\.spec\.ts)`: (.+) \|$/.exec(row) ?? [];
    expect(file, row).not.toBe("");
    const text = await readFile(new URL(file, import.meta.url), "utf8");
    expect(text.includes(words), `${row}: ${file} has no "${words}"`).toBe(true);
  }
});
