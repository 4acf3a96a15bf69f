/** Speaks SSH over any Duplex: here a pair in memory, with no socket anywhere; a WebSocket or a proxy's stream serve alike. */
import { Duplex, PassThrough } from 'node:stream';
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';

const hostKey = await generateKey('ssh-ed25519');
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { password: async ({ password }) => password === 'open sesame' },
  exec: async (command, { stdout }) => void stdout.write(`without any network: ${command}\n`),
  onLogin: ({ peer }) => console.log('the server sees a client at', peer.address),
});

const [toServer, toClient] = [new PassThrough(), new PassThrough()];
const clientEnd = Duplex.from({ readable: toClient, writable: toServer });
const serverEnd = Duplex.from({ readable: toServer, writable: toClient });

// Addresses are what the caller says: they are checked against from= and source-address.
const served = server.handle(serverEnd, { address: '192.0.2.7' });
await using connection = await connect('ada@in-memory', {
  stream: clientEnd,
  hostKeys: pinnedHostKeys(hostKey.publicKey),
  identities: [],
  password: 'open sesame',
});
console.log((await connection.exec('hello')).stdout);
console.log('algorithms:', connection.algorithms?.kex, connection.algorithms?.clientToServer.cipher);
await connection.close();
console.log('the server saw it end:', (await (await served)?.closed)?.code);
