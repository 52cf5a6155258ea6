/** The interface of the program's commands, and the reader of their own options. */
import { ConfigError } from "../config.ts";

export interface Command {
  /** The lines of --help: each call, and what it does. */
  readonly usage: readonly (readonly [call: string, what: string])[];
  /** Returns the exit code. Throws ConfigError for arguments that make no sense. */
  run(argv: readonly string[], write: (text: string) => void): number | Promise<number>;
}

export interface Arguments<Name extends string> {
  /** The command's own options, without dashes. */
  readonly own: Readonly<Partial<Record<Name, string>>>;
  /** The other arguments, for the configuration. */
  readonly rest: readonly string[];
}

/** Separates `--name value` and `--name=value` from the other arguments. Throws ConfigError for an option without a value. */
export function takeOptions<Name extends string>(argv: readonly string[], names: readonly Name[]): Arguments<Name> {
  const own: Partial<Record<Name, string>> = {};
  const rest: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    const [flag = "", given] = word.split(/=(.*)/s);
    const name = names.find((one) => flag === `--${one}`);
    if (name === undefined) {
      rest.push(word);
      continue;
    }
    if (given === undefined) index += 1;
    const value = given ?? argv[index];
    if (value === undefined) throw new ConfigError([`--${name}: a value is missing`]);
    own[name] = value;
  }
  return { own, rest };
}
