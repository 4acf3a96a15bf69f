/** The log of bin/sshd for programs: fail2ban's own filter, and LogFormat json. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  makeFolder,
  makeKey,
  missing,
  runProgram,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';
import { askpassEnvironment, withSsh } from './_sshd.ts';

const config = ['PasswordAuthentication yes', 'KbdInteractiveAuthentication no', 'LogLevel INFO', 'DenyUsers daemon'];

/** Fails in every way that a guesser does. */
async function failLogins(server: TestServer): Promise<void> {
  for (const user of [server.user, 'no-such-user', 'daemon']) {
    await runSsh({ ...server, user, identity: await makeKey() }, ['true'], {
      options: ['BatchMode=no', 'NumberOfPasswordPrompts=1', 'PreferredAuthentications=password'],
      env: askpassEnvironment('wrong'),
    });
  }
}

/** What fail2ban finds in a log, as syslog would have stored it. */
async function banned(log: string): Promise<string[]> {
  const file = join(makeFolder('fail2ban'), 'auth.log');
  const stamp = new Date()
    .toString()
    .slice(4, 24)
    .replace(/ \d{4}/, '');
  const lines = log.trimEnd().split(/\r?\n/);
  writeFileSync(file, lines.map((line) => `${stamp} here sshd[4711]: ${line}\n`).join(''));
  const filter = '/etc/fail2ban/filter.d/sshd.conf';
  const { stdout, stderr, status } = await runProgram(['fail2ban-regex', '-o', 'id', file, filter]);
  assert.equal(status, 0, stderr);
  return stdout
    .toString()
    .trim()
    .split('\n')
    .filter((line) => line !== '');
}

test('fail2ban finds as many failures as in the log of OpenSSH, and none in that of good logins', {
  skip: missing('ssh', 'sshd', 'nacre:sshd', 'fail2ban-regex'),
}, async () => {
  const counts: number[] = [];
  for (const start of [startNacreServer, startOpenSshServer]) {
    const server = await start({ hostKeyTypes: ['ed25519'], config });
    assert.equal((await runSsh(server, ['true'])).status, 0);
    assert.deepEqual(await banned(server.log()), [], server.log());
    await failLogins(server);
    await server.waitForLog(/Failed password for invalid user daemon/);
    const found = await banned(server.log());
    assert.ok(
      found.every((address) => address === '127.0.0.1'),
      found.join(),
    );
    counts.push(found.length);
  }
  const [ours = 0, theirs] = counts;
  assert.ok(ours >= 3, String(ours));
  assert.equal(ours, theirs);
});

test('LogFormat json: every line an object, with OpenSSH’s words in it', withSsh, async () => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['LogFormat json', 'LogLevel VERBOSE', ...config],
  });
  assert.equal((await runSsh(server, ['true'])).status, 0);
  await failLogins(server);
  await server.waitForLog(/Failed password for invalid user daemon/);
  const lines = server
    .log()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const { time, level, event, message } of lines) {
    for (const field of [time, level, event, message]) assert.equal(typeof field, 'string');
  }
  const accepted = lines.find(({ event }) => event === 'login-accepted');
  assert.equal(accepted?.user, server.user);
  assert.equal(accepted?.address, '127.0.0.1');
  assert.equal(accepted?.method, 'publickey');
  assert.match(String(accepted?.message), /^Accepted publickey for /);
  assert.match(String(accepted?.key), /^SHA256:/);
  const own = lines.filter(({ connection }) => connection === accepted?.connection);
  for (const event of ['connection', 'session-start', 'end'])
    assert.ok(
      own.some((line) => line.event === event),
      event,
    );
  assert.ok(own.every(({ port }) => port === accepted?.port));
  assert.equal(new Set(lines.filter(({ event }) => event === 'login-failed').map((line) => line.connection)).size, 3);
});
