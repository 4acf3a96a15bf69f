/** The subsystem sftp of a server of one's own, over a real connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptAnyHostKeyWithoutVerification, connect, openSftp } from '../client/index.ts';
import { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import type { FileSystem } from '../sftp/server/index.ts';
import { createServer, memoryFileSystem, type ServerOptions, serveSftp } from './index.ts';

const hostKey = await generateKey('ssh-ed25519');

async function start(sftp: NonNullable<ServerOptions['subsystems']>[string], user = 'ada') {
  const errors: unknown[] = [];
  const server = createServer({
    hostKeys: [hostKey],
    authenticate: { none: async () => true },
    subsystems: { sftp },
    onError: (error) => void errors.push(error),
  });
  const { port } = await server.listen(0);
  const hostKeys = acceptAnyHostKeyWithoutVerification();
  const connection = await connect(`${user}@127.0.0.1:${port}`, { hostKeys, agent: false, identities: [] });
  const stop = async () => {
    await connection.close();
    await server.close();
  };
  return { connection, stop, errors };
}

test('files for each user, several sessions in a connection, bytes as they were', async () => {
  const folders = new Map<string, FileSystem>();
  const { connection, stop, errors } = await start(
    serveSftp(({ connection: { user } }) => {
      if (!folders.has(user)) folders.set(user, memoryFileSystem({ files: { '/name': user } }));
      return folders.get(user) as FileSystem;
    }),
  );
  const [first, second] = [await openSftp(connection), await openSftp(connection)];
  assert.equal((await first.readFile('/name')).toString(), 'ada');
  const content = Buffer.alloc(5_000_000, 'some content ');
  const file = await first.open('/big', { write: true, create: true });
  await file.write(0, content);
  await file.close();
  assert.ok((await second.readFile('/big')).equals(content));
  first.close();
  assert.equal((await second.stat('/big')).size, content.length);
  second.close();
  await stop();
  assert.deepEqual(errors, []);
});

test('a client that leaves in the middle is no error; one that breaks the rules is', async () => {
  let closed = 0;
  let reads = 0;
  const endless: FileSystem = {
    open: () => ({
      stat: () => ({}),
      read: async (into) => {
        reads++;
        return into.fill('x').length;
      },
      close: () => void closed++,
    }),
    openDirectory: () => assert.fail(),
    stat: () => ({}),
    realPath: (path) => path,
  };
  const { connection, stop, errors } = await start(serveSftp(endless, { readOnly: true }));
  const client = await openSftp(connection);
  const file = await client.open('f');
  const reading = Promise.allSettled(Array.from({ length: 200 }, () => file.read(0, 261_120)));
  while (reads < 3) await new Promise((resolve) => setImmediate(resolve));
  const bad = await connection.subsystem('sftp');
  bad.stream.write(Buffer.from('ffffffff', 'hex'));
  bad.stream.resume();
  bad.stderr.resume();
  assert.deepEqual(await bad.exit, { status: 1 });
  await stop();
  await reading;
  for (let turn = 0; closed === 0 && turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(closed, 1);
  assert.deepEqual(
    errors.map((error) => error instanceof SshError && error.code),
    ['limit-exceeded'],
  );
});
