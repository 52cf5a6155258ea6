/** The version that clients see: in the description of the API, and in MCP. */
export const VERSION = "0.1.0";
