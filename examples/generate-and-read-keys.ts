/** Makes keys, writes and reads their files in every format, shows fingerprints, signs and verifies. */
import {
  fingerprint,
  formatPrivateKey,
  formatPublicKey,
  generateKey,
  parsePrivateKey,
  parsePublicKey,
  SshError,
} from '@nacre/ssh';
import { randomArt } from '@nacre/ssh/keys';

const key = await generateKey('ssh-ed25519', { comment: 'ada@laptop' });
console.log(formatPublicKey(key.publicKey, key.comment).replace(/AAAA\S+/, 'AAAA…'));
console.log(fingerprint(key.publicKey).length, 'characters of fingerprint, or as a picture:');
console.log(randomArt(key.publicKey).split('\n').length, 'lines');

// OpenSSH's own format, encrypted; it goes to a file that only its owner may read (mode 0600).
const file = await formatPrivateKey(key, 'openssh', { passphrase: 'correct horse battery staple' });
const read = await parsePrivateKey(Buffer.from(file), {
  name: 'id_ed25519',
  passphrase: async (name) => {
    console.log(`asked for the passphrase of ${name}`);
    return 'correct horse battery staple';
  },
});
console.log('the same key came back:', read.publicKey.equals(key.publicKey));
try {
  await parsePrivateKey(Buffer.from(file), { name: 'id_ed25519', passphrase: 'wrong' });
} catch (error) {
  if (!(error instanceof SshError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}

// PuTTY's format, and PEM for other programs.
const rsa = await generateKey('ssh-rsa', { bits: 2048 });
for (const format of ['ppk', 'pkcs1', 'pkcs8'] as const) {
  console.log(`${format}:`, (await formatPrivateKey(rsa, format)).split('\n')[0]);
}
const { key: publicKey, comment } = parsePublicKey(formatPublicKey(rsa.publicKey, 'a comment'));
const data = Buffer.from('what is signed');
const signature = await rsa.sign(data, 'rsa-sha2-512');
console.log(comment, publicKey.bits, publicKey.verify(data, signature, 'rsa-sha2-512'));
