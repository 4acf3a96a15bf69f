/** Goes through a jump host: it forwards a TCP connection to a second server, and that stream carries a second SSH connection. */
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';
import { connectTcp } from '@nacre/ssh/server';

const key = await generateKey('ssh-ed25519');
const authenticate = {
  publicKey: async ({ key: offered }: { key: typeof key.publicKey }) => offered.equals(key.publicKey),
};

const innerKey = await generateKey('ssh-ed25519');
await using inner = createServer({
  hostKeys: [innerKey],
  authenticate,
  exec: async (command, { stdout }) => void stdout.write(`the inner server runs: ${command}\n`),
});
const target = await inner.listen(0);

const jumpKey = await generateKey('ssh-ed25519');
await using jump = createServer({
  hostKeys: [jumpKey],
  authenticate,
  // Only to where it should lead: a server that forwards anywhere is a hole in its network.
  forwardTcp: async (request) => (request.port === target.port ? connectTcp(request) : undefined),
});
const { port } = await jump.listen(0);

await using outer = await connect(`ada@127.0.0.1:${port}`, {
  hostKeys: pinnedHostKeys(jumpKey.publicKey),
  identities: [key],
});
await using connection = await connect(`ada@127.0.0.1:${target.port}`, {
  stream: await outer.forwardTcp('127.0.0.1', target.port),
  hostKeys: pinnedHostKeys(innerKey.publicKey),
  identities: [key],
});
console.log((await connection.exec('hostname')).stdout);

try {
  await outer.forwardTcp('127.0.0.1', 1);
} catch (error) {
  console.log('another port:', (error as Error).message);
}
