/** Helper programs: their output, their environment, and their bounds. */
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { runHelper } from './helper-program.ts';

const onPosix = { skip: process.platform === 'win32' && 'accounts of POSIX' };
const { username, uid, gid } = userInfo();
const account = { name: username, uid, gid, home: '/nonexistent', shell: '/bin/false', gecos: '' };
const run = (argv: string[], bounds: { timeoutMs?: number; maxBytes?: number } = {}) =>
  runHelper({ account, argv, timeoutMs: 60_000, maxBytes: 1000, ...bounds });

test('what it prints, without a shell, in a small environment', onPosix, async () => {
  const said = await run(['/usr/bin/printf', '%s|', '$HOME', '; id', 'a b']);
  assert.equal(said.output?.toString(), '$HOME|; id|a b|');
  process.env.NACRE_HELPER_SECRET = 'x';
  const environment = await run(['/usr/bin/env']);
  delete process.env.NACRE_HELPER_SECRET;
  const names = environment.output?.toString().match(/^\w+(?==)/gm) ?? [];
  assert.deepEqual(
    names.filter((name) => name !== 'LANG'),
    ['PATH', 'USER', 'LOGNAME', 'HOME'],
  );
});

test('a program that fails, is killed, is not there or has a NUL for an argument says nothing', onPosix, async () => {
  assert.deepEqual(await run(['/bin/sh', '-c', 'echo x; exit 3']), { flaw: 'failed, status 3', isExpected: true });
  assert.deepEqual(await run(['/bin/sh', '-c', 'echo x; kill -TERM $$']), {
    flaw: 'exited on signal SIGTERM',
    isExpected: false,
  });
  for (const argv of [['/no/such/program'], ['/bin/echo', 'a\0b']]) assert.equal((await run(argv)).output, undefined);
});

test('output without end and programs without end are ended, with what they started', onPosix, async () => {
  assert.match((await run(['/bin/sh', '-c', 'yes'])).flaw ?? '', /printed more than 1000 bytes/);
  // The child of the shell holds the pipe open: its end is waited for as well.
  const slow = await run(['/bin/sh', '-c', 'echo x; sleep 1000 & exit 0'], { timeoutMs: 300 });
  assert.match(slow.flaw ?? '', /did not end within 0\.3 seconds/);
});
