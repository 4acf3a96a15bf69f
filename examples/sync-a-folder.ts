/** Keeps a folder on a server as one is here: a plan, what differs, what is too much. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';
import { openSftp } from '@nacre/ssh/client';
import { memoryFileSystem, serveSftp } from '@nacre/ssh/server';
import { sync } from '@nacre/ssh/transfer';

const [hostKey, userKey] = [await generateKey('ssh-ed25519'), await generateKey('ssh-ed25519')];
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { publicKey: async ({ key }) => key.equals(userKey.publicKey) },
  subsystems: { sftp: serveSftp(memoryFileSystem()) },
});
const { port } = await server.listen(0);
const options = { hostKeys: pinnedHostKeys(hostKey.publicKey), identities: [userKey] };
const connection = await connect(`ada@127.0.0.1:${port}`, options);
const sftp = await openSftp(connection);

const folder = await mkdtemp(join(tmpdir(), 'nacre-example-'));
try {
  await writeFile(join(folder, 'index.html'), '<h1>Hello</h1>');
  await writeFile(join(folder, 'notes.tmp'), 'not for anybody else');
  const target = { sftp, path: '/site' };
  const rules = { delete: true, exclude: ['*.tmp'] };

  const { plan } = await sync(folder, target, { ...rules, dryRun: true });
  for (const { action, path } of plan) console.log('would', action, path.toString() || '.');

  const first = await sync(folder, target, rules);
  const second = await sync(folder, target, rules);
  console.log(`${first.copied} copied; then ${second.copied} copied, ${second.unchanged} unchanged`);

  await rm(join(folder, 'index.html'));
  await writeFile(join(folder, 'start.html'), '<h1>Hello again</h1>');
  const third = await sync(folder, target, rules);
  console.log(`${third.copied} copied, ${third.deleted} deleted:`, await sftp.fs.readdir('/site'));
} finally {
  await rm(folder, { recursive: true });
}
sftp.close();
await connection.close();
