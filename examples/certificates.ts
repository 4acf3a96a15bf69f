/** Certificates both ways: clients trust the authority of the hosts, servers that of the users, and no single key is listed. */
import {
  connect,
  createServer,
  findAuthorizedKey,
  formatPublicKey,
  generateKey,
  SshError,
  trustedHostAuthorities,
} from '@nacre/ssh';
import { buildCertificateOptions, parseValidityInterval, signCertificate, withCertificate } from '@nacre/ssh/keys';

const [hostAuthority, userAuthority] = [await generateKey('ssh-ed25519'), await generateKey('ssh-ed25519')];
const validity = parseValidityInterval('+1h', Math.floor(Date.now() / 1000));

const hostKey = await generateKey('ssh-ed25519');
const hostCertificate = await signCertificate(
  { subject: hostKey.publicKey, kind: 'host', keyId: 'example host', principals: ['127.0.0.1'], ...validity },
  hostAuthority,
);
// One line lets in whomever the authority certified, under the names in the certificate and with its restrictions.
const authorizedKeys = `cert-authority ${formatPublicKey(userAuthority.publicKey)}\n`;
await using server = createServer({
  hostKeys: [{ signer: hostKey, certificates: [hostCertificate] }],
  authenticate: {
    publicKey: async ({ user, key }, peer) => {
      const context = { user, file: 'authorized_keys', address: peer.address, now: Date.now() };
      const verdict = findAuthorizedKey(authorizedKeys, key, context);
      return verdict.status === 'authorized' ? verdict.permissions : false;
    },
  },
  exec: async (command, { stdout, connection }) => {
    stdout.write(`${connection.keys[0]?.certificate?.keyId} runs ${command}\n`);
  },
});
const { port } = await server.listen(0);

const key = await generateKey('ssh-ed25519');
const certificate = await signCertificate(
  {
    subject: key.publicKey,
    kind: 'user',
    keyId: "Ada's laptop",
    principals: ['ada'],
    ...buildCertificateOptions('user', ['no-pty', 'force-command=the only thing it may do']),
    ...validity,
  },
  userAuthority,
);
const options = {
  hostKeys: trustedHostAuthorities(hostAuthority.publicKey),
  identities: [withCertificate(key, certificate)],
};
await using connection = await connect(`ada@127.0.0.1:${port}`, options);
console.log((await connection.exec('something else')).stdout);

try {
  await connect(`root@127.0.0.1:${port}`, options);
} catch (error) {
  if (!(error instanceof SshError)) throw error;
  console.log(`as root: ${error.message}`);
}
