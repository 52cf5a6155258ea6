/** Sounds as pages load them. */

const HEADER_BYTES = 44;
const RATE = 8_000;

/** A WAV file: mono, 8 bits, 8 kHz, a tone of so many samples. */
export function wav(samples: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + samples);
  bytes.write("RIFF", 0);
  bytes.writeUInt32LE(HEADER_BYTES - 8 + samples, 4);
  bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(RATE, 24);
  bytes.writeUInt32LE(RATE, 28);
  bytes.writeUInt16LE(1, 32);
  bytes.writeUInt16LE(8, 34);
  bytes.write("data", 36);
  bytes.writeUInt32LE(samples, 40);
  for (let at = 0; at < samples; at += 1) {
    bytes[HEADER_BYTES + at] = 128 + Math.round(100 * Math.sin((at * 440 * 2 * Math.PI) / RATE));
  }
  return bytes;
}
