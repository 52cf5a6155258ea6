/** The program's commands within the tests' own process: a process of its own costs each more than what it does. */
import { auditCommand } from "../../src/cli/audit.ts";
import type { Command } from "../../src/cli/command.ts";
import { doctorCommand } from "../../src/cli/doctor.ts";
import { keysCommand } from "../../src/cli/keys.ts";
import { relayCommand } from "../../src/cli/relay.ts";
import { SESSION_COMMANDS } from "../../src/cli/sessions.ts";
import { ConfigError } from "../../src/config.ts";
import { ENVIRONMENT } from "../../src/environment.ts";

const COMMANDS: Readonly<Record<string, Command["run"]>> = {
  audit: auditCommand.run,
  keys: keysCommand.run,
  relay: relayCommand.run,
  doctor: doctorCommand,
  ...Object.fromEntries(Object.entries(SESSION_COMMANDS).map(([name, { run }]) => [name, run])),
};

/** What a command reads of the environment; the other variables are the machine's. */
const VARIABLES = [...Object.keys(ENVIRONMENT), "CAPTCHA_REMOTE_URL", "CAPTCHA_REMOTE_KEY"];

export interface Ran {
  readonly code: number | null;
  readonly out: string;
}

/**
 * Runs the command with these variables and no others of the program's. `out` is what it has printed or, with code 1,
 * the sentences of its ConfigError. Rejects with any other error.
 */
export async function runCommand(
  [name = "", ...argv]: readonly string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const before = { ...process.env };
  for (const variable of VARIABLES) delete process.env[variable];
  Object.assign(process.env, env);
  let out = "";
  try {
    const code = await COMMANDS[name]?.(argv, (text) => {
      out += text;
    });
    return { code: code ?? null, out };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { code: 1, out: out + error.lines.join("\n") };
  } finally {
    // With what a `.env` has added.
    for (const variable of Object.keys(process.env)) if (!(variable in before)) delete process.env[variable];
    Object.assign(process.env, before);
  }
}
