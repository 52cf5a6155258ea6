/** What a command of the program is, and how it reads its own options beside those of the configuration. */
import { ConfigError } from "../config.ts";

export interface Command {
  /** How it is called, and what that does; a line each. */
  readonly usage: readonly (readonly [call: string, what: string])[];
  /** Answers the exit code. Throws ConfigError for arguments that make no sense. */
  run(argv: readonly string[], write: (text: string) => void): number | Promise<number>;
}

export interface Arguments<Name extends string> {
  /** The command's own options that were given. */
  readonly own: Readonly<Partial<Record<Name, string>>>;
  /** All the rest, for the configuration. */
  readonly rest: readonly string[];
}

/** Takes `--name value` and `--name=value` out of the arguments. Throws ConfigError for one without a value. */
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
