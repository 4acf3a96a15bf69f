/** Signatures over files, and the files that say whose count. */

import { readdirSync, readFileSync } from 'node:fs';
import {
  decodeMessageSignature,
  encodeMessageSignature,
  fingerprint,
  formatMessageSignature,
  formatPublicKey,
  parseMessageSignature,
  parsePublicKey,
  signMessage,
  verifyMessage,
} from '@nacre/ssh/keys';
import { checkSigner, findSignerPrincipals, matchSignerPrincipals, parseAllowedSigners } from '@nacre/ssh/trust';
import { knownKey } from '../known-key.ts';
import type { FuzzTarget } from '../target.ts';

const message = Buffer.from('signed');
const namespace = 'file';
const signed = await Promise.all(
  (['sha512', 'sha256'] as const).map((hash) => signMessage({ signer: knownKey, namespace, message, hash })),
);

/** A blob that is taken encodes to itself; only the known key's own signature holds for it, in any armor. */
export const messageSignature: FuzzTarget = {
  name: 'message-signature',
  seeds: [
    ...signed.map((each) => encodeMessageSignature(each)),
    ...signed.map((each) => Buffer.from(formatMessageSignature(each))),
  ],
  async run(input) {
    const isArmored = input.includes('-----BEGIN');
    const signature = isArmored ? parseMessageSignature(input) : decodeMessageSignature(input);
    const blob = encodeMessageSignature(signature);
    if (!isArmored && !blob.equals(input)) throw new Error('the signature has another blob than it was read from');
    const again = parseMessageSignature(formatMessageSignature(signature));
    if (!encodeMessageSignature(again).equals(blob))
      throw new Error('the signature changed on its way through its armor');
    const { key } = await verifyMessage(signature, { namespace, message });
    if (key.equals(knownKey.publicKey) && !signed.some((each) => encodeMessageSignature(each).equals(blob))) {
      throw new Error('a signature holds that the key did not make');
    }
  },
};

/** The built target lies in build/fuzz/targets. */
const vectors = new URL('../../../test/vectors/keys/', import.meta.url);
const read = (ending: string) =>
  readdirSync(vectors)
    .filter((name) => name.endsWith(ending))
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => readFileSync(new URL(name, vectors), 'utf8').trim());
const lines = read('.pub');
const line = formatPublicKey(knownKey.publicKey);
const certificate = parsePublicKey(readFileSync(new URL('ed25519.cert', vectors), 'utf8')).key;
/** Middle of 2030. */
const now = 1_909_000_000_000;

/** Who is allowed stands in a line of the file, with the key or its authority. */
export const allowedSigners: FuzzTarget = {
  name: 'allowed-signers',
  seeds: [
    Buffer.from(lines.map((each, index) => `user${index}@example.com ${each}`).join('\n')),
    Buffer.from(
      `# comment\n\n"alice",*@example.com,!bob* namespaces="file,git*",valid-after="20200101Z" ${line} me\r\n`,
    ),
    Buffer.from(`alice cert-authority,valid-before="20380101120000UTC" ${line}\nalice namespaces="a\\"b" ${line}\n`),
  ],
  run(input) {
    const text = input.toString('utf8');
    const file = parseAllowedSigners(text, { name: 'file' });
    if (file.entries.length + file.problems.length !== file.lines.length) throw new Error('a line was lost');
    matchSignerPrincipals(file, 'alice');
    for (const key of [knownKey.publicKey, certificate]) {
      const wanted = key.certificate?.signatureKey ?? key;
      const verdict = checkSigner(file, { key, principal: 'alice', namespace, now });
      const found = findSignerPrincipals(file, { key, now });
      for (const entry of [found.line, verdict.status === 'allowed' ? verdict.line : undefined]) {
        if (entry === undefined) continue;
        if (!text.includes(wanted.blob.toString('base64').replace(/=+$/, ''))) {
          throw new Error(`${fingerprint(wanted)} is allowed, and no line holds it`);
        }
        if (entry.certAuthority !== (key.certificate !== undefined))
          throw new Error('a line counts for what it is not');
      }
    }
  },
};
