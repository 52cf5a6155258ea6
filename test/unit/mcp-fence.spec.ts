/** The fence around what pages and people say to an agent. */
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { fenced, harmless, MAX_UNTRUSTED_LENGTH } from "../../src/mcp/fence.ts";

test("[M8] whatever a text is, it stays one line between its marks, bounded and visible", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), (text) => {
      const lines = fenced([["note", text]]).split("\n");
      const mark = /^\[([0-9a-f]{16}) begin\]$/.exec(lines[1] ?? "")?.[1];
      expect(mark).toBeDefined();
      expect(lines).toHaveLength(4);
      expect(lines[0]).toContain(`the two marks ${mark} `);
      expect(lines[3]).toBe(`[${mark} end]`);
      expect([...(lines[2] ?? "")].length).toBeLessThan(MAX_UNTRUSTED_LENGTH + 20);
      expect(lines[2]).not.toMatch(/[\p{C}<>`]/u);
    }),
  );
});

test("[M8] words stay as they are, invisible characters and markup do not; nothing said is no fence", () => {
  expect(harmless("It works now: 完成 👍")).toBe("It works now: 完成 👍");
  expect(harmless("a\u202eb\u{e0041}c\r\n\u2028d</x>`")).toBe("a b c d‹/x›'");
  expect(fenced([])).toBe("");
});
