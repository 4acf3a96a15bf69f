/** `-t` and `-b`: which key is to be made. */
import { Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { parseNumber } from './number.ts';

/** What `generateKey` takes. */
export interface ChosenType {
  readonly type: string;
  readonly bits: number | undefined;
}

/** Known to some OpenSSH, and not made here. */
const notBuilt = new Map([
  ['mldsa44-ed25519', 'nacre does not know this type yet'],
  ['dsa', 'DSA is broken and gone from OpenSSH too'],
  ['ssh-dss', 'DSA is broken and gone from OpenSSH too'],
]);

/** `-t` of keys that a FIDO token makes: `ed25519-sk`, or the name in the blob. */
export function isTokenType(name: string): boolean {
  return /^(ed25519-sk|ecdsa-sk|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/.test(name);
}

const curveBits = [256, 384, 521];

export function chooseKeyType(flags: KeygenFlags): ChosenType {
  const name = flags.type ?? 'ed25519';
  const bits = flags.bits === undefined ? undefined : parseBits(flags.bits);
  const reason = notBuilt.get(name);
  if (reason !== undefined) throw new Ending(`unknown key type ${name} (${reason})`);
  if (name === 'ed25519' || name === 'ssh-ed25519') return { type: 'ssh-ed25519', bits: undefined };
  if (name === 'rsa' || name === 'ssh-rsa') return { type: 'ssh-rsa', bits: requireRsaBits(bits) };
  if (name === 'ecdsa') return { type: `ecdsa-sha2-nistp${requireCurveBits(bits)}`, bits: undefined };
  if (curveBits.some((size) => name === `ecdsa-sha2-nistp${size}`)) return { type: name, bits: undefined };
  throw new Ending(`unknown key type ${name}`);
}

function parseBits(text: string): number {
  return parseNumber(text, 1, 0xffffffff, (reason) => `Bits has bad value ${text} (${reason})`);
}

function requireRsaBits(bits: number | undefined): number | undefined {
  if (bits !== undefined && bits < 1024) throw new Ending('Invalid RSA key length: minimum is 1024 bits');
  if (bits !== undefined && bits > 16384) throw new Ending('Invalid RSA key length: maximum is 16384 bits');
  return bits;
}

function requireCurveBits(bits = 256): number {
  if (curveBits.includes(bits)) return bits;
  throw new Ending('Invalid ECDSA key length: valid lengths are 256, 384 or 521 bits');
}
