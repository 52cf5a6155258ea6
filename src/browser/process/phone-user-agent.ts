/** [W44] The user agent of Chromium on a phone, in the version that runs here. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const VERSION_DEADLINE_MS = 5_000;
/** Where the program does not say its version. */
const USUAL_MAJOR = "140";
const majors = new Map<string, Promise<string>>();

/** Never rejects. The version of each program is asked for once. */
export async function phoneUserAgent(chromiumPath: string): Promise<string> {
  const major = majors.get(chromiumPath) ?? askMajor(chromiumPath);
  majors.set(chromiumPath, major);
  // Chromium itself says no more of phone and version than this.
  return `Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${await major}.0.0.0 Mobile Safari/537.36`;
}

async function askMajor(chromiumPath: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(chromiumPath, ["--version"], { timeout: VERSION_DEADLINE_MS });
    return /(\d+)\.\d+\.\d+/.exec(stdout)?.[1] ?? USUAL_MAJOR;
  } catch {
    return USUAL_MAJOR;
  }
}
