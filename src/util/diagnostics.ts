/** Publishes measures on diagnostics channels; without subscribers that costs next to nothing. */
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";

/** The value of each measure; times in ms. */
export interface Measures {
  /** A picture was sent to one viewer. */
  picture: { readonly bytes: number; readonly quality: number };
  /** From a viewer's joining to its first picture. */
  first_picture: number;
  /** From a message to a viewer to the viewer's answer. */
  round_trip: number;
  /** From a move under a pressed button to the next picture of the page. */
  move_to_picture: number;
  browser_start: number;
  /** One scan of all frames of a page: where the challenge is, and whether it is done. */
  look: number;
}

type Name = keyof Measures;

const CHANNELS = {
  picture: channel("captcha-remote:picture"),
  first_picture: channel("captcha-remote:first_picture"),
  round_trip: channel("captcha-remote:round_trip"),
  move_to_picture: channel("captcha-remote:move_to_picture"),
  browser_start: channel("captcha-remote:browser_start"),
  look: channel("captcha-remote:look"),
} as const satisfies Record<Name, unknown>;

/** Publishes one value to the subscribers in this process. */
export function publishMetric<N extends Name>(name: N, value: Measures[N]): void {
  if (CHANNELS[name].hasSubscribers) CHANNELS[name].publish(value);
}

/** Calls back with every value of a measure in this process, of all its servers. Returns a function that stops it. */
export function onMetric<N extends Name>(name: N, listener: (value: Measures[N]) => void): () => void {
  const heard = (value: unknown) => listener(value as Measures[N]);
  subscribe(CHANNELS[name].name, heard);
  return () => void unsubscribe(CHANNELS[name].name, heard);
}
