/** Keys from strangers: public key blobs, certificates, signatures, and key files in every format. */
import { readdirSync, readFileSync } from 'node:fs';
import {
  checkCertificate,
  decodePublicKey,
  decodeSignature,
  fingerprint,
  formatPublicKey,
  isEncrypted,
  parsePrivateKey,
  parsePublicKey,
  peekPublicKey,
  verifyCertificate,
} from '@nacre/ssh/keys';
import type { FuzzTarget } from '../target.ts';

/** Files that other programs wrote; the built target lies in build/fuzz/targets. */
const vectors = new URL('../../../test/vectors/keys/', import.meta.url);
const files = readdirSync(vectors).sort((a, b) => (a < b ? -1 : 1));
const read = (wanted: (name: string) => boolean) =>
  files.filter(wanted).map((name) => readFileSync(new URL(name, vectors)));

const publicFiles = read((name) => /\.(pub|cert|rfc4716)$/.test(name));
const privateFiles = read((name) => !/\.(pub|cert|rfc4716|lines)$/.test(name));
const lineFiles = read((name) => /\.(pub|cert)$/.test(name));
const blobs = lineFiles.map((file) => Buffer.from(file.toString('latin1').split(' ')[1] ?? '', 'base64'));

/** A blob that is taken encodes to itself, and so does the line it is written as; whatever it signs, nothing throws. */
export const publicKeyBlob: FuzzTarget = {
  name: 'public-key-blob',
  seeds: blobs,
  run(input) {
    const key = decodePublicKey(input);
    if (!key.blob.equals(input)) throw new Error('the key has another blob than it was read from');
    const { key: again } = parsePublicKey(formatPublicKey(key));
    if (!again.equals(key)) throw new Error('the key changed on its way through its line');
    fingerprint(key);
    for (const algorithm of key.signatureAlgorithms) {
      if (key.verify(input, input, algorithm)) throw new Error('a key verified itself');
    }
    if (key.certificate === undefined) return;
    verifyCertificate(key.certificate, ['ssh-ed25519', 'rsa-sha2-512', 'ecdsa-sha2-nistp256']);
  },
};

const certificates = blobs.filter((blob) => blob.includes('-cert-v01@openssh.com'));
export const certificateSeeds: readonly Buffer[] = certificates;

/** No change of a certificate may leave it good: each byte of it is signed. */
export const certificateChecks: FuzzTarget = {
  name: 'certificate',
  seeds: certificates,
  run(input) {
    const { certificate } = decodePublicKey(input);
    if (certificate === undefined) return;
    checkCertificate(certificate, {
      kind: certificate.kind,
      principal: certificate.principals[0] ?? 'nobody',
      now: certificate.validAfter,
      caSignatureAlgorithms: ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256', 'ecdsa-sha2-nistp256'],
      knownCriticalOptions: [...certificate.criticalOptions.keys()],
    });
    if (!certificates.some((blob) => blob.equals(input))) throw new Error('a changed certificate passed');
  },
};

export const signatureBlob: FuzzTarget = {
  name: 'signature-blob',
  seeds: [
    Buffer.from(`0000000b7373682d6564323535313900000040${'ab'.repeat(64)}`, 'hex'),
    Buffer.from('00000013656364736131', 'hex'),
  ],
  run: (input) => void decodeSignature(input),
};

export const publicKeyFile: FuzzTarget = {
  name: 'public-key-file',
  seeds: publicFiles,
  run(input) {
    const { key, comment } = parsePublicKey(input.toString('latin1'));
    const { key: again } = parsePublicKey(formatPublicKey(key, comment.replace(/[\r\n]/g, ' ')));
    if (!again.equals(key)) throw new Error('the key changed on its way through its line');
  },
};

/** Without a passphrase: the cost of one is the file's to name, up to the limits. */
export const privateKeyFile: FuzzTarget = {
  name: 'private-key-file',
  seeds: privateFiles,
  async run(input) {
    peekPublicKey(input);
    isEncrypted(input);
    await parsePrivateKey(input);
  },
};
