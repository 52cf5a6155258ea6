/** The path below which the API, the sockets and the console are served, and to which clients append theirs. */
export const API_PREFIX = "/api/captcha";
