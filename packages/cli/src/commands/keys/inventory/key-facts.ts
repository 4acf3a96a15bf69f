/** What a key's wire form tells: type, size, fingerprint, and whether it is strong enough. */
import { createHash } from 'node:crypto';
import { WireReader } from '@nacre/ssh/wire';
import type { Problem } from './items.ts';

export interface KeyFacts {
  readonly type: string | undefined;
  readonly bits: number | undefined;
  readonly fingerprint: string;
  readonly problems: readonly Problem[];
}

const fixedBits = new Map([
  ['ssh-ed25519', 256],
  ['sk-ssh-ed25519@openssh.com', 256],
  ['ecdsa-sha2-nistp256', 256],
  ['ecdsa-sha2-nistp384', 384],
  ['ecdsa-sha2-nistp521', 521],
  ['sk-ecdsa-sha2-nistp256@openssh.com', 256],
]);

/** Below the first, others may have the private key already; below the second, it will not last. */
const brokenRsaBits = 2048;
const weakRsaBits = 3072;

/** Looks at a plain key. No key object is made of it: a known_hosts file may have a hundred thousand. */
export function readKeyFacts(blob: Uint8Array): KeyFacts {
  const fingerprint = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
  let type: string | undefined;
  try {
    const reader = new WireReader(blob, 'key');
    type = reader.ascii('type');
    const bits = fixedBits.get(type) ?? readBits(type, reader);
    return { type, bits, fingerprint, problems: judgeStrength(type, bits) };
  } catch (error) {
    const message = `the key is damaged: ${error instanceof Error ? error.message : String(error)}`;
    return { type, bits: undefined, fingerprint, problems: [{ level: 'error', code: 'damaged', message }] };
  }
}

function readBits(type: string, reader: WireReader): number | undefined {
  if (type === 'ssh-rsa') {
    reader.string('exponent');
    return bitLength(reader.string('modulus'));
  }
  return type === 'ssh-dss' ? bitLength(reader.string('p')) : undefined;
}

function bitLength(number: Uint8Array): number {
  const at = number.findIndex((byte) => byte !== 0);
  return at < 0 ? 0 : (number.length - at) * 8 - Math.clz32(number[at] as number) + 24;
}

export function judgeStrength(type: string, bits: number | undefined): Problem[] {
  if (type === 'ssh-dss') return [dsa];
  if (type === 'ssh-rsa' && bits !== undefined && bits < brokenRsaBits) {
    return [{ level: 'error', code: 'weak', message: `RSA of ${bits} bits can be broken; make a new key` }];
  }
  if (type === 'ssh-rsa' && bits !== undefined && bits < weakRsaBits) {
    const message = `RSA of ${bits} bits is short: ${weakRsaBits} or more, or Ed25519, will last longer`;
    return [{ level: 'warning', code: 'weak', message }];
  }
  if (fixedBits.has(type) || type === 'ssh-rsa') return [];
  return [{ level: 'note', code: 'unknown-type', message: `keys of type ${type} are not known here` }];
}

const dsa: Problem = {
  level: 'error',
  code: 'weak',
  message: 'DSA can be broken, and OpenSSH takes it no more; make a new key',
};
