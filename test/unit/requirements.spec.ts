/** What the server needs of its machine, said in one sentence where that is missing. */
import { expect, test } from "@playwright/test";
import { problemOfNode, problemOfSystem } from "../../src/server/requirements.ts";

for (const version of ["22.13.0", "22.18.0", "23.4.0", "24.0.0", "100.1.2"]) {
  test(`Node ${version} has all that the server needs`, () => expect(problemOfNode(version)).toBe(null));
}

for (const version of ["18.20.8", "20.20.2", "21.99.0", "22.0.0", "22.12.9"]) {
  test(`Node ${version} is refused in a sentence that says which will do`, () => {
    const needs = "The server needs Node 22.13 or later";
    expect(problemOfNode(version)).toBe(`${needs}, and this is ${version}: only captcha-remote/sdk runs on it.`);
  });
}

test("the server runs on Linux, and says elsewhere that it does not", () => {
  expect(problemOfSystem("linux")).toBe(null);
  for (const platform of ["darwin", "win32", "freebsd"]) {
    expect(problemOfSystem(platform)).toContain(`The server runs on Linux only`);
    expect(problemOfSystem(platform)).toContain(`this is ${platform}`);
  }
});
