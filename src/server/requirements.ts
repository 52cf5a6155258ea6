/** What the server needs of its machine. Imports nothing: it must run where the rest cannot even be loaded. The SDK needs none of it. */

/** The first with node:sqlite. To read .ts files as they are, a checkout needs 22.18: src/start.js looks. */
const LEAST_NODE = { major: 22, minor: 13 };

/** Why this Node cannot run the server, as a sentence, or null where it can. `version` as in process.versions.node. */
export function problemOfNode(version: string): string | null {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > LEAST_NODE.major || (major === LEAST_NODE.major && minor >= LEAST_NODE.minor)) return null;
  const least = `${LEAST_NODE.major}.${LEAST_NODE.minor}`;
  return `The server needs Node ${least} or later, and this is ${version}: only captcha-remote/sdk runs on it.`;
}

/** Why the server cannot work on this system, as a sentence, or null where it can. `platform` as in process.platform. */
export function problemOfSystem(platform: string): string | null {
  if (platform === "linux") return null;
  return `The server runs on Linux only, as it finds its browsers in /proc, and this is ${platform}: only captcha-remote/sdk runs here.`;
}
