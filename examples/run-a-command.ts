/** Runs a command on a server and reads what it wrote. The server here is one of our own, so that the example needs no other. */
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';

const hostKey = await generateKey('ssh-ed25519');
const myKey = await generateKey('ssh-ed25519');
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { publicKey: async ({ user, key }) => user === 'ada' && key.equals(myKey.publicKey) },
  exec: async (command, { stdout, stderr }) => {
    stdout.write(`you asked for: ${command}\n`);
    stderr.write('this goes to stderr\n');
    return command === 'false' ? 1 : 0;
  },
});
const { port } = await server.listen(0);

// All that a client needs. Against a server of yours it is `connect('ada@example.com', { hostKeys: knownHosts() })`.
await using connection = await connect(`ada@127.0.0.1:${port}`, {
  hostKeys: pinnedHostKeys(hostKey.publicKey),
  identities: [myKey],
});
const { stdout, stderr, status } = await connection.exec('uname -a');
console.log({ stdout, stderr, status });

// A status other than 0 is no error of ours: look at it.
const failed = await connection.exec('false');
console.log('false ended with', failed.status);
