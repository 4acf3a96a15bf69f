/** Trusts one key of one server, by its fingerprint: for programs that know beforehand whom they talk to. */
import { connect, createServer, fingerprint, generateKey, pinnedHostKeys, SshError } from '@nacre/ssh';

const hostKey = await generateKey('ssh-ed25519');
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { none: async () => true },
  exec: async (_command, { stdout }) => void stdout.write('hello\n'),
});
const { port } = await server.listen(0);

// What `ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub` prints on the server.
const known = fingerprint(hostKey.publicKey);
const connection = await connect(`ada@127.0.0.1:${port}`, { hostKeys: pinnedHostKeys(known), identities: [] });
console.log((await connection.exec('hello')).stdout);
await connection.close();

const other = fingerprint((await generateKey('ssh-ed25519')).publicKey);
try {
  await connect(`ada@127.0.0.1:${port}`, { hostKeys: pinnedHostKeys(other), identities: [] });
} catch (error) {
  if (!(error instanceof SshError)) throw error;
  // Nothing was sent that belongs to the login: the user's name is not out, nor any key.
  console.log(`${error.code}: ${error.message}`);
}
