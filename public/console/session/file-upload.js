// Uploads one file for a chooser of the page, and says how far it is.

import { bearersFor } from "../shared/credentials.js";

/**
 * @typedef {object} Upload
 * @property {import("../../../src/client/console-url.ts").ConsoleUrl} consoleUrl
 * @property {string} chooser
 * @property {File} file
 * @property {AbortSignal} signal
 */
/** @typedef {{ fileId: string } | { code: string, message: string, status: number }} Answer */

const UNAUTHORIZED = 401;

/**
 * Never rejects: a failure has a code, `server_unreachable` where no answer came.
 * @param {Upload} upload
 * @param {(part: number) => void} onProgress from 0 to 1
 * @returns {Promise<Answer>}
 */
export async function uploadFile(upload, onProgress) {
  const bearers = bearersFor(upload.consoleUrl);
  /** @type {Answer} */
  let answer = await send(upload, bearers.shift(), onProgress);
  // The token of an earlier session with this id must not keep the key from being tried.
  while ("code" in answer && answer.status === UNAUTHORIZED && bearers.length > 0) {
    answer = await send(upload, bearers.shift(), onProgress);
  }
  return answer;
}

/**
 * By XMLHttpRequest: `fetch` does not tell how far an upload is.
 * @param {Upload} upload @param {string | undefined} bearer @param {(part: number) => void} onProgress
 * @returns {Promise<Answer>}
 */
function send({ consoleUrl, chooser, file, signal }, bearer, onProgress) {
  const request = new XMLHttpRequest();
  const path = `/session/${encodeURIComponent(consoleUrl.sessionId)}/files/${encodeURIComponent(chooser)}`;
  request.open("PUT", `${consoleUrl.base}${path}?name=${encodeURIComponent(file.name || "file")}`);
  request.responseType = "json";
  request.setRequestHeader("content-type", file.type || "application/octet-stream");
  if (bearer !== undefined) request.setRequestHeader("authorization", `Bearer ${bearer}`);
  request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
  const stop = () => request.abort();
  signal.addEventListener("abort", stop, { once: true });
  return new Promise((resolve) => {
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", stop);
      const { status, response } = request;
      if (typeof response?.file_id === "string") resolve({ fileId: response.file_id });
      else resolve({ code: "server_unreachable", message: "", ...response?.error, status });
    });
    request.send(file);
  });
}
