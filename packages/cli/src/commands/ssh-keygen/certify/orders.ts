/** What the flags of ssh-keygen -s say about the certificates, apart from keys. */
import { SshError } from '@nacre/ssh/errors';
import {
  buildCertificateOptions,
  type CertificateSections,
  maxCertificatePrincipals,
  parseValidityInterval,
} from '@nacre/ssh/keys';
import { Ending } from '../ending.ts';
import type { KeygenFlags } from '../flags.ts';

export interface Orders {
  readonly kind: 'user' | 'host';
  readonly serial: bigint;
  /** Each certificate gets the serial after the last one's. */
  readonly serialCounts: boolean;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
}

/** What OpenSSH reads while it reads its flags, and complains of first: -V and -z. */
export function readOrders(flags: KeygenFlags, nowMs: number): Orders {
  const { serial = '0' } = flags;
  const serialCounts = serial.startsWith('+');
  return {
    kind: flags.hostCertificate ? 'host' : 'user',
    serial: parseSerial(serialCounts ? serial.slice(1) : serial),
    serialCounts,
    ...asEnding(() => parseValidityInterval(flags.validity ?? 'always:forever', Math.floor(nowMs / 1000))),
  };
}

/** -I and -O. */
export function readOptions(flags: KeygenFlags): CertificateSections & { readonly keyId: string } {
  if (flags.certificateId === undefined) throw new Ending('Must specify key id (-I) when certifying');
  const sections = asEnding(() => buildCertificateOptions(flags.hostCertificate ? 'host' : 'user', flags.options));
  return { keyId: flags.certificateId, ...sections };
}

/** -n: names separated by commas. */
export function splitPrincipals(text: string | undefined): string[] {
  const names = text === undefined ? [] : text.split(',');
  if (names.includes('')) throw new Ending('Empty principal name');
  if (names.length > maxCertificatePrincipals) throw new Ending('Too many certificate principals specified');
  return names;
}

function parseSerial(text: string): bigint {
  // Longer texts cost time to read as numbers, and only zeros could make one fit.
  if (!/^\d{1,100}$/.test(text) || BigInt(text) >= 2n ** 64n) throw new Ending(`Invalid serial number "${text}"`);
  return BigInt(text);
}

function asEnding<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SshError) throw new Ending(error.message);
    throw error;
  }
}
