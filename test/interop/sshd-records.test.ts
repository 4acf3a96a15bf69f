/** The records of logins that bin/sshd leaves, as who, last, lastlog and lastb read them, beside Debian's sshd. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createSystemUser,
  missing,
  requireSuccess,
  runProgram,
  runSsh,
  sshCommand,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { askpassEnvironment, until } from './_sshd.ts';

const withRecords = {
  skip: missing('ssh', 'sshd', 'nacre:sshd', 'root', 'useradd', 'unshare', 'nsenter', 'who', 'last', 'lastlog'),
};

/** Files of records of their own: the machine's are not touched, and need not be there. */
const setUp = `
mount -t tmpfs none /run && mkdir -m 755 /run/sshd || exit 1
mount -t tmpfs none /var/log || exit 1
touch /run/utmp /var/log/wtmp /var/log/lastlog
touch /var/log/btmp && chmod 600 /var/log/btmp
exec "$@"`;
const prefix = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', setUp, 'sh'];

test('who, last, lastlog and lastb agree with Debian’s sshd', withRecords, async () => {
  const user = await createSystemUser({ shell: '/bin/bash' });
  await user.authorize((await userKey()).publicLine);
  const config = [
    'PasswordAuthentication yes',
    'AuthorizedKeysFile .ssh/authorized_keys',
    'PrintMotd no',
    'PrintLastLog yes',
  ];
  const look = async (server: TestServer): Promise<string[]> => {
    const login = { ...server, user: user.name };
    const records = (...words: readonly string[]) =>
      requireSuccess(['nsenter', '-m', '-t', String(server.pid), ...words], { env: { LC_ALL: 'C' } });
    const inTerminal = await runSsh(login, ['who; who -q'], { flags: ['-tt'] });
    const shell = await runProgram(sshCommand(login, [], { flags: ['-tt'] }), { input: 'exit\n' });
    await runProgram(
      sshCommand(login, ['true'], {
        options: ['BatchMode=no', 'PreferredAuthentications=password', 'NumberOfPasswordPrompts=1'],
      }),
      { env: askpassEnvironment('wrong') },
    );
    // Without a terminal nothing is recorded.
    await runSsh(login, ['true']);
    let last = '';
    await untilSettled(async () => {
      last = await records('last', '-w', '-f', '/var/log/wtmp');
      return !/still logged in|gone/.test(last) && (await records('who')) === '';
    });
    return [
      plain(inTerminal.stdout.toString()),
      plain(/^Last login:.*$/m.exec(shell.stdout.toString())?.[0] ?? ''),
      plain(last),
      plain(await records('lastlog', '-u', user.name)),
      plain(await records('lastb', '-w')),
    ];
  };
  const settings = { hostKeyTypes: ['ed25519'] as const, config, prefix };
  const theirs = await look(await startOpenSshServer(settings));
  const ours = await look(await startNacreServer(settings));
  assert.deepEqual(ours, theirs);
  const [who = '', lastLogin = '', last = '', lastlog = '', lastb = ''] = ours;
  assert.match(who, new RegExp(`^${user.name} +pts/N .*\\(127\\.0\\.0\\.1\\)`));
  assert.match(lastLogin, /^Last login: .* from 127\.0\.0\.1$/);
  assert.equal(last.match(new RegExp(`^${user.name} +pts/N +127\\.0\\.0\\.1 `, 'gm'))?.length, 2);
  assert.match(lastlog, /pts\/N +127\.0\.0\.1/);
  assert.match(lastb, new RegExp(`^${user.name} +ssh:notty +127\\.0\\.0\\.1`));
});

/** Without times, terminals' numbers and the widths that follow from them. */
function plain(text: string): string {
  return (
    text
      .replaceAll('\r', '')
      .replace(/pts\/\d+/g, 'pts/N')
      .replace(/\d{4}-\d\d-\d\d|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) +\w{3} +\d+/g, 'DAY')
      .replace(/\d\d:\d\d(:\d\d)?/g, 'TIME')
      .replace(/[+-]\d{4} \d{4}|\d{4} from/g, (match) => match.replace(/\d/g, '0'))
      // lastb says so of what happened in this very second.
      .replace(/still running/g, '- TIME (TIME)')
      .replace(/ +/g, ' ')
      .trim()
  );
}

async function untilSettled(check: () => Promise<boolean>): Promise<void> {
  let isDone = false;
  const end = Date.now() + 10_000;
  while (!isDone && Date.now() < end) isDone = await check();
  await until(() => isDone, 'the sessions are recorded as over', 1);
}
