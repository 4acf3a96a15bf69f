/** Streams a command's input and output: nothing is held in memory, and a slow reader slows the writer down. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';

const hostKey = await generateKey('ssh-ed25519');
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { password: async ({ password }) => password === 'open sesame' },
  // Sends back in capitals whatever comes in.
  exec: async (_command, { stdin, stdout }) => {
    for await (const chunk of stdin) {
      const hasRoom = stdout.write(String(chunk).toUpperCase());
      if (!hasRoom) await new Promise((resolve) => stdout.once('drain', resolve));
    }
  },
});
const { port } = await server.listen(0);
await using connection = await connect(`ada@127.0.0.1:${port}`, {
  hostKeys: pinnedHostKeys(hostKey.publicKey),
  identities: [],
  password: 'open sesame',
});

const lines = 200_000;
const input = Readable.from(
  (function* () {
    for (let i = 0; i < lines; i++) yield `line ${i}\n`;
  })(),
);
const command = await connection.spawn('tr a-z A-Z');
command.stderr.resume();

const hash = createHash('sha256');
let bytes = 0;
const writing = pipeline(input, command.stdin);
for await (const chunk of command.stdout) {
  hash.update(chunk);
  bytes += chunk.length;
}
await writing;
const exit = await command.exit;
console.log(`${bytes} bytes came back, SHA-256 ${hash.digest('hex').slice(0, 16)}…`, exit);
