/** [W59] The query of a socket whose first message has what an upgrade would have offered as subprotocols: `?protocols=message`. */
export const PROTOCOLS_QUERY = "protocols";
export const BY_MESSAGE = "message";
