/** `-m`: the names of key formats. */
import { Ending } from './ending.ts';

export type FormatName = 'RFC4716' | 'PKCS8' | 'PEM';

const names: readonly FormatName[] = ['RFC4716', 'PKCS8', 'PEM'];

export function requireFormat(text = 'RFC4716'): FormatName {
  const name = names.find((each) => each.toLowerCase() === text.toLowerCase());
  if (name === undefined) throw new Ending(`Unsupported conversion format "${text}"`);
  return name;
}
