/** `-m`: the names of key formats. */
import { Ending } from './ending.ts';

export type FormatName = 'RFC4716' | 'PKCS8' | 'PEM';

const names: readonly FormatName[] = ['RFC4716', 'PKCS8', 'PEM'];

export function requireFormat(text = 'RFC4716'): FormatName {
  // The name that RFC 4716 files had before there was one.
  const wanted = text.toLowerCase() === 'ssh2' ? 'rfc4716' : text.toLowerCase();
  const name = names.find((each) => each.toLowerCase() === wanted);
  if (name === undefined) throw new Ending(`Unsupported conversion format "${text}"`);
  return name;
}
