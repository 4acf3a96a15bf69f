/** Has the server listen on a port and hands the connections that come there to this program. */
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';
import { listenOnLoopback } from '@nacre/ssh/server';

const hostKey = await generateKey('ssh-ed25519');
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { password: async ({ password }) => password === 'open sesame' },
  listen: (request) => listenOnLoopback(request),
});
const { port } = await server.listen(0);
await using connection = await connect(`ada@127.0.0.1:${port}`, {
  hostKeys: pinnedHostKeys(hostKey.publicKey),
  identities: [],
  password: 'open sesame',
});

// Port 0 lets the server choose one.
const listener = await connection.listen('127.0.0.1', 0, (stream) => {
  stream.end('this comes from the client of the SSH connection\n');
  stream.resume();
});
console.log('the server listens on a port of its own:', listener.port > 0);

const visitor = connectSocket(listener.port, '127.0.0.1');
visitor.on('data', (chunk) => process.stdout.write(chunk));
visitor.on('end', () => visitor.end());
await once(visitor, 'close');
await listener.close();
