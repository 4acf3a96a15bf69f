/** Key files of ssh.com and JWK, SSHFP records, and lines of moduli files, from strangers. */
import { readFileSync } from 'node:fs';
import { formatModuliLine, parseModuliLine } from '@nacre/ssh/crypto';
import {
  decodeSshfp,
  encodeSshfp,
  formatPrivateKey,
  formatPublicKey,
  isEncrypted,
  parseExpiry,
  parsePrivateKey,
  parsePublicKey,
  parseSshfp,
  readSecurityKeySignature,
} from '@nacre/ssh/keys';
import type { FuzzTarget } from '../target.ts';

/** Files that other programs wrote; the built target lies in build/fuzz/targets. */
const read = (name: string): Buffer => readFileSync(new URL(`../../../test/vectors/keys/${name}`, import.meta.url));
const publicMembers = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid'];
const jwkFiles = ['rsa', 'ecdsa256', 'ecdsa521', 'pkcs8-only-ed25519'].map((name) => read(`${name}.jwk`));

/** With the right passphrase, so that what decrypts is parsed too; a wrong one costs as little. */
export const sshcomFile: FuzzTarget = {
  name: 'sshcom-file',
  seeds: [read('rsa.sshcom'), read('rsa.sshcom-enc')],
  async run(input) {
    isEncrypted(input);
    const key = await parsePrivateKey(input, { passphrase: 'nacre' });
    const again = await parsePrivateKey(Buffer.from(await formatPrivateKey(key, 'openssh')));
    if (!again.publicKey.equals(key.publicKey)) throw new Error('the key changed on its way through another format');
  },
};

/** What is taken is written again as the same key; the public reader takes no private key. */
export const jwkFile: FuzzTarget = {
  name: 'jwk-file',
  seeds: [
    ...jwkFiles,
    ...jwkFiles.map((file) => Buffer.from(JSON.stringify(JSON.parse(file.toString('utf8')), publicMembers))),
  ],
  async run(input) {
    const text = input.toString('utf8');
    if (!text.trimStart().startsWith('{')) return;
    try {
      const { key, comment } = parsePublicKey(text);
      if (!parsePublicKey(formatPublicKey(key, comment, 'jwk')).key.equals(key)) throw new Error('the key changed');
      return;
    } catch (error) {
      if ((error as Error).name !== 'SshError') throw error;
    }
    const key = await parsePrivateKey(input);
    const again = await parsePrivateKey(Buffer.from(await formatPrivateKey(key, 'jwk')));
    if (!again.publicKey.equals(key.publicKey)) throw new Error('the key changed');
  },
};

const fingerprint = '4c133259599db13cc427e21bd52470dcf2db34802c272d252dd855bc0fe994bc';

export const sshfpLine: FuzzTarget = {
  name: 'sshfp-line',
  seeds: [
    `host. IN SSHFP 4 2 ${fingerprint}`,
    `host. 3600 IN SSHFP 1 1 ( ${fingerprint.slice(0, 20)} ${fingerprint.slice(20, 40)} ) ; comment`,
    `host. IN TYPE44 \\# 34 04 02 ${fingerprint}`,
  ].map((line) => Buffer.from(line)),
  run(input) {
    const record = parseSshfp(input.toString('latin1'));
    const again = decodeSshfp(encodeSshfp(record));
    const same = again.algorithm === record.algorithm && again.hashType === record.hashType;
    if (!same || !again.fingerprint.equals(record.fingerprint)) throw new Error('the record changed');
  },
};

/** One line; no number of it is tested for being prime, which takes as long as it takes. */
export const moduliLine: FuzzTarget = {
  name: 'moduli-line',
  seeds: [
    '20261122202210 4 2 203277289 510 0 6F1D0C3A74A836F0F3684F94E63929D87245A3A739BCFFADBB0ED8C5213F9075',
    '20261122203257 2 6 100 511 5 E89E2A5E2CFE924016B114C9DCC631FD',
    '# Time Type Tests Tries Size Generator Modulus',
  ].map((line) => Buffer.from(line)),
  run(input) {
    const line = parseModuliLine(input.toString('latin1'));
    if (line === undefined) return;
    const again = parseModuliLine(formatModuliLine(line));
    if (again?.modulus !== line.modulus || again.size !== line.size) throw new Error('the line changed');
  },
};

export const expiryTime: FuzzTarget = {
  name: 'expiry-time',
  seeds: ['+90d', '+1w2d3h', '20300102', '203001020304Z', '20300102030405'].map((text) => Buffer.from(text)),
  run(input) {
    const now = 1_700_000_000;
    const seconds = parseExpiry(input.toString('latin1'), now);
    if (!Number.isInteger(seconds) || seconds <= now) throw new Error(`expires at ${seconds}`);
  },
};

export const securityKeySignature: FuzzTarget = {
  name: 'security-key-signature',
  seeds: [
    Buffer.from(
      `0000001a${Buffer.from('sk-ssh-ed25519@openssh.com').toString('hex')}000000020102${'0500000007'}`,
      'hex',
    ),
  ],
  run: (input) => void readSecurityKeySignature(input),
};
