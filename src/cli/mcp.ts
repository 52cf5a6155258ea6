/** `captcha-remote mcp`: the MCP tools over stdio, for a client that starts its servers as programs. */
import { ConfigError } from "../config.ts";
import type { Command } from "./command.ts";
import { addressOf } from "./remote.ts";

export const mcpCommand: Command = {
  usage: [["mcp [--url X]", "speaks MCP over stdio for an agent, with the key in CAPTCHA_REMOTE_KEY"]],
  async run(argv) {
    // A flag stands in the list of processes, and in the configuration of a client that others may read.
    if (argv.some((word) => /^--key(=|$)/.test(word))) {
      throw new ConfigError(["mcp takes its key from CAPTCHA_REMOTE_KEY, not from --key"]);
    }
    const address = addressOf(argv);
    // Imported only for this command, as other commands do not need the library.
    const { serveHumanTools } = await import("../mcp/stdio.ts");
    // stdout is the protocol's; clients keep stderr as a log.
    serveHumanTools(address, ({ message }) => void process.stderr.write(`captcha-remote mcp: ${message}\n`));
    return 0;
  },
};
