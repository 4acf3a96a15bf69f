/** A program: SSH servers on many addresses of this machine and one port, for scanners. It prints the port, and ends with its stdin. */
import { generateKey } from '@nacre/ssh/keys';
import { createServer } from '@nacre/ssh/server';

const [count = 0, ...kex] = process.argv.slice(2).map((word, i) => (i === 0 ? Number(word) : word)) as [
  number,
  ...string[],
];

const server = createServer({
  hostKeys: await Promise.all(['ssh-rsa', 'ecdsa-sha2-nistp256', 'ssh-ed25519'].map((type) => generateKey(type))),
  // It is a server like any other, but nobody has anything to do in it.
  authenticate: { publicKey: async () => false },
  maxStartups: { start: 10_000, ratePercent: 100, full: 10_000 },
  ...(kex.length > 0 && { algorithms: { kex } }),
});
let port = 0;
for (let index = 0; index < count; index++) {
  // All of 127.0.0.0/8 is this machine on Linux.
  const address = `127.16.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  ({ port } = await server.listen(port, address));
}
console.log(`port ${port}`);
process.stdin.resume().on('end', () => void server.close().then(() => process.exit(0)));
