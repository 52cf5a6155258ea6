/** The path below which the server serves the API, the sockets and the console. Clients append it to the server's address. */
export const API_PREFIX = "/api/captcha";
