/** Ends what takes too long: connecting, a command, everything at once by an AbortSignal, and a server that fell silent. */
import { setTimeout as delay } from 'node:timers/promises';
import { connect, createServer, generateKey, pinnedHostKeys, SshError } from '@nacre/ssh';

const hostKey = await generateKey('ssh-ed25519');
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { none: async () => true },
  // The signal tells a program that its client is gone.
  exec: async (_command, { signal }) => {
    await delay(60_000, undefined, { signal }).catch(() => console.log('server: the client gave up'));
  },
});
const { port } = await server.listen(0);
const options = { hostKeys: pinnedHostKeys(hostKey.publicKey), identities: [] };

async function report(what: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
    console.log(`${what}: done`);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    console.log(`${what}: ${error.code}: ${error.message.replace(String(port), 'PORT')}`);
  }
}

// Connecting: timeoutMs is for name lookup, TCP and key exchange together, the signal for login too.
await report('connecting', connect(`ada@127.0.0.1:${port}`, { ...options, signal: AbortSignal.abort() }));

const connection = await connect(`ada@127.0.0.1:${port}`, {
  ...options,
  timeoutMs: 5000,
  keepalive: { intervalMs: 15_000, countMax: 3 },
});
await report('a time limit', connection.exec('sleep 60', { timeoutMs: 100 }));
await report('a signal', connection.exec('sleep 60', { signal: AbortSignal.timeout(100) }));
// What is pending when the connection is closed settles as well.
const pending = connection.exec('sleep 60');
setImmediate(() => void connection.close());
await report('closing', pending);
console.log('closed, by ourselves:', (await connection.closed) === undefined);
