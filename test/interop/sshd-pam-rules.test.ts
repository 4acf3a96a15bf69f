/** bin/sshd with UsePAM: rules that could let in the wrong person, and the limits of sessions beside Debian's sshd. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createSystemUser,
  missing,
  runProgram,
  sshCommand,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { makePamService } from './_pam.ts';
import { askpassEnvironment } from './_sshd.ts';

const withPam = { skip: missing('ssh', 'sshd', 'nacre:sshd', 'root', 'useradd') };

const rest = ['password required pam_unix.so', 'session required pam_permit.so'];

test('rules that would let in the wrong person', withPam, async (t) => {
  const user = await createSystemUser({ shell: '/bin/bash' });
  const config = ['UsePAM yes', 'PasswordAuthentication yes', 'KbdInteractiveAuthentication yes'];
  const tryAll = async (service: string, name: string): Promise<(number | null)[]> => {
    const server = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      config: [...config, `PAMServiceName ${service}`],
    });
    const statuses: (number | null)[] = [];
    for (const method of ['password', 'keyboard-interactive']) {
      const options = ['BatchMode=no', `PreferredAuthentications=${method}`, 'NumberOfPasswordPrompts=1'];
      const command = sshCommand({ ...server, user: name }, ['id -un'], { options });
      statuses.push((await runProgram(command, { env: askpassEnvironment('anything') })).status);
    }
    await server.stop();
    return statuses;
  };
  const open = makePamService(['auth required pam_permit.so', 'account required pam_permit.so', ...rest]);
  await t.test('a rule that lets in everybody lets in no name that is nobody’s', async () => {
    assert.deepEqual(await tryAll(open, user.name), [0, 0]);
    assert.deepEqual(await tryAll(open, 'no-such-user'), [255, 255]);
  });
  await t.test('a module that changes the user lets nobody in', async () => {
    // pam_ftp lets in the users of its list, and makes the first of them the user.
    const listing = (users: string) =>
      makePamService([
        `auth required pam_ftp.so ignore users=${users}`,
        // It knows of no credentials, and a login needs some.
        'auth required pam_permit.so',
        'account required pam_permit.so',
        ...rest,
      ]);
    assert.deepEqual(await tryAll(listing(user.name), user.name), [0, 0]);
    assert.deepEqual(await tryAll(listing(`games,${user.name}`), user.name), [255, 255]);
  });
});

test('sessions get the limit of open files that the server was started with', withPam, async () => {
  const prefix = ['sh', '-c', 'ulimit -Sn 512; exec "$@"', 'sh'];
  const user = await createSystemUser({ shell: '/bin/bash' });
  await user.authorize((await userKey()).publicLine);
  const settings = { hostKeyTypes: ['ed25519'] as const, prefix, config: ['AuthorizedKeysFile .ssh/authorized_keys'] };
  const limits = async (server: TestServer, name: string, flags: readonly string[]) =>
    (await runProgram(sshCommand({ ...server, user: name }, ['ulimit -Sn; ulimit -Hn'], { flags }))).stdout.toString();
  const [theirs, ours] = await Promise.all([startOpenSshServer(settings), startNacreServer(settings)]);
  for (const flags of [[], ['-tt']]) {
    const expected = await limits(theirs, user.name, flags);
    assert.match(expected, /^512\r?\n/);
    assert.equal(await limits(ours, user.name, flags), expected);
  }
});
