/** What people and certificates say about each other: times of validity, option words, and the lines of -L. */

import { SshError } from '@nacre/ssh/errors';
import {
  buildCertificateOptions,
  decodePublicKey,
  formatCertificate,
  generateKey,
  parseCertificateOptions,
  parseValidityInterval,
  parseValidityTime,
  signCertificate,
} from '@nacre/ssh/keys';
import type { FuzzTarget } from '../target.ts';
import { certificateSeeds } from './keys.ts';

const now = 1_795_378_902;
const most = 2n ** 64n - 1n;

/** Whatever is read lies within 64 bits, and an interval is never empty. */
export const validity: FuzzTarget = {
  name: 'validity',
  seeds: ['+52w', '-1w2d', '-1h:+52w', 'always:forever', '20300101:203001021200Z', '0x10:0xffffffffffffffff'].map(
    (text) => Buffer.from(text),
  ),
  run(input) {
    const text = input.toString('utf8');
    let refusals = 0;
    for (const read of [readTime, readInterval]) {
      try {
        read(text);
      } catch (error) {
        if (!(error instanceof SshError) || error.code !== 'misuse') throw error;
        if (++refusals === 2) throw error;
      }
    }
  },
};

function readTime(text: string): void {
  const time = parseValidityTime(text, now);
  if (time < 0n || time > most) throw new Error(`${time} is no time of a certificate`);
}

function readInterval(text: string): void {
  const { validAfter, validBefore } = parseValidityInterval(text, now);
  if (validAfter < 0n || validBefore > most || validBefore <= validAfter) throw new Error('the interval is empty');
}

const ca = await generateKey('ssh-ed25519');

/** Words that are taken make a certificate that can be read, enforced and shown. */
export const certificateWords: FuzzTarget = {
  name: 'certificate-words',
  seeds: [
    'clear\npermit-pty\nforce-command=ls',
    'source-address=10.0.0.0/8,::1/128\nverify-required\nno-touch-required',
    'critical:a@example=b\nextension:c@example\nno-pty',
  ].map((text) => Buffer.from(text)),
  async run(input) {
    const words = input.toString('utf8').split('\n');
    const sections = buildCertificateOptions('user', words);
    const fields = { subject: ca.publicKey, kind: 'user', keyId: 'fuzz', principals: ['a'] } as const;
    const { blob } = await signCertificate({ ...fields, ...sections }, ca);
    const key = decodePublicKey(blob);
    if (key.certificate !== undefined) parseCertificateOptions(key.certificate);
    formatCertificate(key);
  },
};

/** A certificate that can be read can be told, in lines that hold nothing a terminal obeys. */
export const certificateLines: FuzzTarget = {
  name: 'certificate-lines',
  seeds: certificateSeeds,
  run(input) {
    const key = decodePublicKey(input);
    if (key.certificate === undefined) return;
    const text = formatCertificate(key);
    if (/[^\P{Cc}\n]/u.test(text)) throw new Error('a control character came through');
  },
};
