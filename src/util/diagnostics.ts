/** What is measured where it happens: told to whoever listens, and next to nothing while nobody does. */
import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";

/** What a listener is handed; times in ms. */
export interface Measures {
  /** A picture has left for one viewer. */
  picture: { readonly bytes: number; readonly quality: number };
  /** From a viewer's joining to its first picture. */
  first_picture: number;
  /** What went to a viewer and was answered, there and back. */
  round_trip: number;
  /** From a move under a pressed button to the next picture of the page. */
  move_to_picture: number;
  browser_start: number;
  /** One look at all frames of a page: where the challenge is, and whether it is done. */
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

export function publishMetric<N extends Name>(name: N, value: Measures[N]): void {
  if (CHANNELS[name].hasSubscribers) CHANNELS[name].publish(value);
}

/** Calls back with everything that is measured in this process, whichever of its servers it is of; answers the stop. */
export function onMetric<N extends Name>(name: N, listener: (value: Measures[N]) => void): () => void {
  const heard = (value: unknown) => listener(value as Measures[N]);
  subscribe(CHANNELS[name].name, heard);
  return () => void unsubscribe(CHANNELS[name].name, heard);
}
