/** Where a file is written until it is whole: beside its place, under a name that the disk still takes. */
import { hash } from '../../crypto/hash.ts';
import { lastName } from '../../sftp/index.ts';

/** What file systems take for a name. */
const mostNameBytes = 255;
const shownHashDigits = 16;

/** The path with the suffix added; a long name is cut, and told from others that begin alike by a hash. */
export function partialPath(path: Buffer, suffix: string): Buffer {
  const name = lastName(path);
  const partial = partialName(name, suffix);
  return Buffer.concat([path.subarray(0, path.lastIndexOf(name)), partial]);
}

export function partialName(name: Buffer, suffix: string): Buffer {
  const end = Buffer.from(suffix);
  if (name.length + end.length <= mostNameBytes) return Buffer.concat([name, end]);
  const digits = `~${hash('sha256', name).toString('hex').slice(0, shownHashDigits)}`;
  return Buffer.concat([name.subarray(0, mostNameBytes - end.length - digits.length), Buffer.from(digits), end]);
}
