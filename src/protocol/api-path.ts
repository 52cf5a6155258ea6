/** The path below which REST, sockets and console stand, after the base path of PUBLIC_URL; part of the wire. */
export const API_PATH = "/api/captcha";
