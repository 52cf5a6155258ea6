/** The server's requirements of its machine; the SDK has none of them. Imports nothing: it must run where other modules cannot be loaded. */

/** The first Node with node:sqlite. A checkout needs 22.18, which reads .ts files; src/start.js checks that. */
const LEAST_NODE = { major: 22, minor: 13 };

/** The sentence that says why this Node cannot run the server; null if it can. `version` has the form of process.versions.node. */
export function problemOfNode(version: string): string | null {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > LEAST_NODE.major || (major === LEAST_NODE.major && minor >= LEAST_NODE.minor)) return null;
  const least = `${LEAST_NODE.major}.${LEAST_NODE.minor}`;
  return `The server needs Node ${least} or later, and this is ${version}: only captcha-remote/sdk runs on it.`;
}

/** The sentence that says why the server cannot run on this system; null if it can. `platform` has the form of process.platform. */
export function problemOfSystem(platform: string): string | null {
  if (platform === "linux") return null;
  return `The server runs on Linux only, as it finds its browsers in /proc, and this is ${platform}: only captcha-remote/sdk runs here.`;
}
