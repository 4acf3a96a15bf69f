/** Records the seeds of the fuzz target transport-plain: what each side of a real handshake sends, behind the byte that chooses the role. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKey } from '@nacre/ssh/keys';
import { Transport } from '@nacre/ssh/transport';
import { root } from './process.mjs';

const folder = join(root, 'fuzz', 'seeds', 'transport-plain');

/** @type {{ name: string, options: { kex?: string[], cipher?: string[], legacy?: boolean } }[]} */
const handshakes = [
  { name: 'curve25519', options: { kex: ['curve25519-sha256'], cipher: ['aes128-gcm@openssh.com'] } },
  { name: 'default', options: {} },
  { name: 'group-exchange', options: { kex: ['diffie-hellman-group-exchange-sha256'] } },
];

mkdirSync(folder, { recursive: true });
for (const { name, options } of handshakes) {
  const { client, server } = await record(options);
  // The byte in front: 0 for bytes that a server gets, 1 for those of a client.
  writeFileSync(join(folder, `${name}-client.bin`), Buffer.concat([Buffer.from([0]), ...client]));
  writeFileSync(join(folder, `${name}-server.bin`), Buffer.concat([Buffer.from([1]), ...server]));
}

/** @param {{ kex?: string[], cipher?: string[], legacy?: boolean }} algorithms */
async function record(algorithms) {
  /** @type {Buffer[][]} */
  const sent = [[], []];
  /** @type {Transport[]} */
  const transports = [];
  const clock = { now: () => 0, setTimer: () => () => {} };
  /** @param {number} own */
  const common = (own) => ({
    clock,
    version: 'seed',
    algorithms,
    sink: {
      /** @param {Buffer[]} chunks */
      write: (chunks) => {
        sent[own]?.push(...chunks.map((chunk) => Buffer.from(chunk)));
        const bytes = Buffer.concat(chunks);
        setImmediate(() => transports[1 - own]?.receive(bytes));
      },
      queuedBytes: () => 0,
      setReading: () => {},
      end: () => {},
      defer: setImmediate,
    },
  });
  const hostKey = await generateKey('ssh-ed25519');
  transports.push(
    new Transport({ role: 'client', verifyHostKey: async () => {}, ...common(0) }),
    new Transport({
      role: 'server',
      hostKeys: [{ signer: hostKey }],
      signatureAlgorithms: ['ssh-ed25519'],
      ...common(1),
    }),
  );
  await Promise.all(transports.map((transport) => transport.handshake()));
  return { client: sent[0] ?? [], server: sent[1] ?? [] };
}
