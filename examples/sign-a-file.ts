/** Signs a file, and verifies it by a list of who may sign: a stranger, another purpose and a changed file are found out. */
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatPublicKey, generateKey, SshError } from '@nacre/ssh';
import { formatMessageSignature, parseMessageSignature, signMessage, verifyMessage } from '@nacre/ssh/keys';
import { checkSigner, parseAllowedSigners } from '@nacre/ssh/trust';

const folder = await mkdtemp(join(tmpdir(), 'nacre-example-'));
const path = join(folder, 'release.tar');
const [ada, stranger] = [await generateKey('ssh-ed25519'), await generateKey('ssh-ed25519')];
const allowed = parseAllowedSigners(`ada@example.com namespaces="file" ${formatPublicKey(ada.publicKey)}\n`, {
  name: 'allowed_signers',
});

async function judge(namespace = 'file'): Promise<string> {
  try {
    const signature = parseMessageSignature(await readFile(`${path}.sig`));
    const { key } = await verifyMessage(signature, { namespace, message: createReadStream(path) });
    const verdict = checkSigner(allowed, { key, principal: 'ada@example.com', namespace, now: Date.now() });
    return verdict.status;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return error.message;
  }
}

try {
  await writeFile(path, 'the release');
  for (const signer of [stranger, ada]) {
    const signature = await signMessage({ signer, namespace: 'file', message: createReadStream(path) });
    await writeFile(`${path}.sig`, formatMessageSignature(signature));
    console.log(`signed by ${signer === ada ? 'Ada' : 'a stranger'}: ${await judge()}`);
  }
  console.log(`asked for another purpose: ${await judge('email')}`);
  await writeFile(path, 'another release');
  console.log(`changed afterwards: ${await judge()}`);
} finally {
  await rm(folder, { recursive: true });
}
