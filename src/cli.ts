#!/usr/bin/env node
/** The program: runs the command that the first argument names, or starts the server. */
import module from "node:module";
import { fileURLToPath } from "node:url";
import type { Command } from "./cli/command.ts";
import { SESSION_COMMANDS } from "./cli/sessions.ts";
import { ConfigError } from "./config.ts";
import { ENVIRONMENT, flagOf } from "./environment.ts";
import { problemOfNode, problemOfSystem } from "./server/requirements.ts";

type Commands = Readonly<Record<string, Command>>;

/** The commands by name. They are imported after the check of Node, as an older one cannot load node:sqlite. */
async function loadCommands(): Promise<Commands> {
  const { auditCommand } = await import("./cli/audit.ts");
  const { keysCommand } = await import("./cli/keys.ts");
  const { linksCommand } = await import("./cli/links.ts");
  const { relayCommand } = await import("./cli/relay.ts");
  const { mcpCommand } = await import("./cli/mcp.ts");
  return {
    audit: auditCommand,
    keys: keysCommand,
    links: linksCommand,
    relay: relayCommand,
    mcp: mcpCommand,
    ...SESSION_COMMANDS,
    doctor: {
      usage: [["doctor", "looks whether this machine can serve, and says what to do where not"]],
      // Imported only for this command, as it loads what browsers need.
      run: async (...call) => (await import("./cli/doctor.ts")).doctorCommand(...call),
    },
  };
}

const usageOf = (commands: Commands) => `captcha-remote: a person clears the challenge that stopped your bot.

Usage: captcha-remote [--variable value ...]      starts the server
${Object.values(commands)
  .flatMap(({ usage }) => usage)
  .map(([call, what]) => `       captcha-remote ${call.padEnd(32)} ${what}`)
  .join("\n")}

sessions, session, cancel and history ask a server: the one that the configuration names, or CAPTCHA_REMOTE_URL
or --url; with the key in CAPTCHA_REMOTE_KEY or --key. --json prints a line of JSON for each.

Every variable of the environment is also a flag:
${Object.keys(ENVIRONMENT)
  .map((name) => `  --${flagOf(name)}`)
  .join("\n")}
`;

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv[0] === "relay" && !argv.includes("--help")) {
    // It runs beside the bot, whose Node may be older than a server's.
    const { relayCommand } = await import("./cli/relay.ts");
    process.exitCode = await relayCommand.run(argv.slice(1), write);
    return;
  }
  refuseFor(problemOfNode(process.versions.node));
  const commands = await loadCommands();
  if (argv.includes("--help")) return write(usageOf(commands));
  const [first = "", ...rest] = argv;
  const command = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (command) {
    process.exitCode = await command.run(rest, write);
    return;
  }
  refuseFor(problemOfSystem(process.platform));
  // Compiling unchanged code takes half of a start. Node 20 has no cache; in a read-only folder nothing is cached.
  module.enableCompileCache?.(fileURLToPath(new URL("../.cache/compiled", import.meta.url)));
  // Imported only for the server, as commands do not need it.
  const { serve } = await import("./server/run.ts");
  await serve(argv);
}

function refuseFor(problem: string | null): void {
  if (problem !== null) throw new ConfigError([problem]);
}

function write(text: string): void {
  process.stdout.write(text);
}

main().catch((error: unknown) => {
  const lines = error instanceof ConfigError ? error.lines : [error instanceof Error ? error.message : String(error)];
  process.stderr.write(`captcha-remote cannot start:\n${lines.map((line) => `  ${line}`).join("\n")}\n`);
  process.exit(1);
});
