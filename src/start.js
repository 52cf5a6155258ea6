// Starts the program from a checkout. In plain JavaScript: on src/cli.ts, a Node that cannot read .ts files prints only a stack trace.

import process from "node:process";

if (process.features.typescript) {
  await import("./cli.ts");
} else {
  const needs = `A checkout needs Node 22.18 or later, and this is ${process.versions.node}: npm start brings one.`;
  process.stderr.write(`captcha-remote cannot start:\n  ${needs}\n`);
  process.exitCode = 1;
}
