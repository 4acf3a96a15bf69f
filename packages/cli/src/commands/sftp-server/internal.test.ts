/** sftp-server inside another program. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { type SftpClient, startSftp } from '@nacre/ssh/sftp';
import { Ending } from '../ssh-keygen/ending.ts';
import { type InternalSftp, runInternalSftp } from './internal.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'nacre-internal-')));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'home/up'), { recursive: true });
writeFileSync(join(folder, 'home/file'), 'content');

interface Running {
  readonly client: SftpClient;
  readonly lines: string[];
  /** Ends the client's side; gives the exit status. */
  end(): Promise<number>;
}

async function start(args: readonly string[], more: Partial<InternalSftp> = {}): Promise<Running> {
  const [toServer, toClient] = [new PassThrough(), new PassThrough()];
  const lines: string[] = [];
  const session: InternalSftp = {
    stream: Duplex.from({ readable: toServer, writable: toClient }),
    user: { name: 'ada', uid: 1, home: join(folder, 'home'), homeOf: () => undefined },
    address: '192.0.2.1',
    log: { level: 'info', write: (_level, text) => void lines.push(text), close: async () => {} },
    ...more,
  };
  const status = runInternalSftp(args, session);
  const client = await startSftp({
    write: (bytes) => toServer.write(bytes),
    on: (event: string, listener: (...values: (Buffer & Error)[]) => void) => toClient.on(event, listener),
    destroy: () => toServer.end(),
  });
  const end = () => {
    client.close();
    return status;
  };
  return { client, lines, end };
}

test('it begins at home, or where -d says, and the process stays where and what it is', async () => {
  const [before, mask] = [process.cwd(), process.umask(0o027)];
  const { client, end, lines } = await start(['-u', '077']);
  assert.equal((await client.realpath('.')).text, join(folder, 'home'));
  await (await client.open('made', { write: true, create: true })).close();
  assert.equal(statSync(join(folder, 'home/made')).mode & 0o777, 0o600);
  assert.equal(await end(), 0);
  assert.deepEqual(lines, [
    'session opened for local user ada from [192.0.2.1]',
    'open "made" flags WRITE,CREATE mode 0666',
    'close "made" bytes read 0 written 0',
    'session closed for local user ada from [192.0.2.1]',
  ]);
  const other = await start(['-d', '%d/up']);
  assert.equal((await other.client.realpath('x')).text, join(folder, 'home/up/x'));
  await other.end();
  assert.deepEqual([process.cwd(), process.umask(mask)], [before, 0o027]);
});

test('a start directory that is not there, a root, requests that are refused', async () => {
  const lost = await start(['-d', '/nowhere/at/all']);
  assert.ok(lost.lines.includes('chdir to "/nowhere/at/all" failed: No such file or directory'));
  await lost.end();
  const rooted = await start(['-R', '-P', 'stat'], { root: join(folder, 'home') });
  assert.equal((await rooted.client.realpath('../..')).text, '/');
  assert.equal((await rooted.client.readFile('/file')).toString(), 'content');
  const refused = (error: unknown) => error instanceof SshError && error.code === 'permission-denied';
  await assert.rejects(rooted.client.stat('/file'), refused);
  await assert.rejects(rooted.client.remove('/file'), refused);
  await rooted.end();
  const user = { name: 'ada', uid: 1, home: folder, homeOf: () => undefined };
  await assert.rejects(runInternalSftp(['-u', 'x'], { stream: new PassThrough(), user, address: 'x' }), Ending);
});

test('a client that speaks no sftp, or is cut off', async () => {
  for (const [bytes, expected] of [
    ['ffffffff', 11],
    ['0000000111', 255],
  ] as const) {
    const input = new PassThrough();
    const stream = Duplex.from({ readable: input, writable: new PassThrough() });
    const user = { name: 'ada', uid: 1, home: folder, homeOf: () => undefined };
    const log = { level: 'quiet', write: () => {}, close: async () => {} } as const;
    const status = runInternalSftp([], { stream, user, address: 'x', log });
    input.write(Buffer.from(bytes, 'hex'));
    assert.equal(await status, expected);
  }
});
