/** The result of one check of `captcha-remote doctor`. */

export interface Finding {
  /** The name of the check, such as `browser`. */
  readonly check: string;
  /** `warning`: the server works, but not as well as it could. */
  readonly state: "ok" | "warning" | "failed";
  /** What the check has seen, for a person. */
  readonly found: string;
  /** What to do about a warning or a failure. */
  readonly fix?: string;
}
