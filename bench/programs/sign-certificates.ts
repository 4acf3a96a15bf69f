/** Certifies public key files through the library, as `ssh-keygen -s` does: CA key file, then the files. */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  defaultUserExtensions,
  formatPublicKey,
  parsePrivateKey,
  parsePublicKey,
  signCertificate,
} from '@nacre/ssh/keys';

const [caFile = '', ...files] = process.argv.slice(2);
const ca = await parsePrivateKey(readFileSync(caFile), { name: caFile });
const now = BigInt(Math.floor(Date.now() / 1000));
for (const file of files) {
  const { key, comment } = parsePublicKey(readFileSync(file, 'utf8'));
  const certificate = await signCertificate(
    {
      subject: key,
      kind: 'user',
      keyId: 'bench',
      principals: ['alice'],
      validAfter: now,
      validBefore: now + 86_400n,
      extensions: defaultUserExtensions,
    },
    ca,
  );
  writeFileSync(file.replace(/\.pub$/, '-cert.pub'), `${formatPublicKey(certificate, comment)}\n`);
}
