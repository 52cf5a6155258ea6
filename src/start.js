// Starts the program from a checkout. A Node that cannot read .ts files would answer src/cli.ts with nothing but a stack trace.

import process from "node:process";

if (process.features.typescript) {
  await import("./cli.ts");
} else {
  const needs = `A checkout needs Node 22.18 or later, and this is ${process.versions.node}: npm start brings one.`;
  process.stderr.write(`captcha-remote cannot start:\n  ${needs}\n`);
  process.exitCode = 1;
}
