/** Accounts of this machine log in to bin/sshd and to Debian's sshd, by every method, and find the same there. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createSystemUser,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  requireSuccess,
  runSsh,
  type SystemUser,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { askpassEnvironment, asRoot } from './_sshd.ts';
import { onBoth } from './_sshd-both.ts';

const asRootWithPam = { skip: asRoot.skip || missing('unix_chkpwd', 'setpriv') };

/** What a session is: who, with what limits, where, in what environment (but for SHLVL: ours starts terminals by way of bash). Numbers of ports, terminals and processes are each server's own, and ours starts terminals by way of bash, which counts itself (SHLVL). */
const look = [
  'id',
  'umask',
  'ulimit -S -a',
  'ulimit -H -a',
  'pwd',
  'echo "$0 $-" | tr -d is',
  'env | sort | sed -E "s/^(SSH_(CLIENT|CONNECTION)=[0-9.]+) .*/\\1/; s/^_=.*//; s/^(SSH_TTY=.*)[0-9]+/\\1/; /^(XDG_|SHLVL=)/d"',
  'tty | sed -E "s/[0-9]+//"',
  'stat -c "%a %U %G" "$(tty)" 2>/dev/null || true',
].join('; ');

type Login = (server: TestServer) => Promise<string[]>;

/** The same command without and with a terminal. */
async function lookAround(server: TestServer, options: string[], env: Record<string, string> = {}): Promise<string[]> {
  const plain = await runSsh(server, [look], { options, env });
  const inTerminal = await runSsh(server, [look], { options, env, flags: ['-tt'] });
  assert.equal(plain.status, 0, plain.stderr);
  assert.equal(inTerminal.status, 0, inTerminal.stderr);
  return `${plain.stdout}\n${inTerminal.stdout}`.replaceAll('\r', '').split('\n');
}

async function certificateFor(user: SystemUser, authority: KeyPair): Promise<string> {
  const pair = await makeKey();
  await requireSuccess([
    'ssh-keygen',
    '-q',
    '-s',
    authority.file,
    '-I',
    user.name,
    '-n',
    user.name,
    `${pair.file}.pub`,
  ]);
  const copy = join(makeFolder('certified'), 'id');
  for (const end of ['', '.pub', '-cert.pub']) copyFileSync(`${pair.file}${end}`, `${copy}${end}`);
  return copy;
}

test('three accounts, by every method, beside Debian’s sshd', asRootWithPam, async (t) => {
  const authority = await makeKey({ comment: 'authority' });
  const users = [
    await createSystemUser({ shell: '/bin/bash', groups: ['games', 'audio'] }),
    await createSystemUser({ shell: '/bin/sh', groups: ['mail'] }),
    await createSystemUser({ shell: '/bin/dash' }),
  ];
  for (const user of users) {
    await user.authorize((await userKey()).publicLine);
    const certified = await certificateFor(user, authority);
    const ways: Readonly<Record<string, Login>> = {
      key: (server) => lookAround(server, []),
      certificate: (server) =>
        lookAround(server, [`IdentityFile=${certified}`, `CertificateFile=${certified}-cert.pub`]),
      password: (server) =>
        lookAround(server, ['BatchMode=no', 'PreferredAuthentications=password'], askpassEnvironment(user.password)),
      'keyboard-interactive': (server) =>
        lookAround(
          server,
          ['BatchMode=no', 'PreferredAuthentications=keyboard-interactive'],
          askpassEnvironment(user.password),
        ),
    };
    const config = [
      'UsePAM yes',
      'PasswordAuthentication yes',
      'KbdInteractiveAuthentication yes',
      `TrustedUserCAKeys ${authority.file}.pub`,
    ];
    await t.test(`${user === users[0] ? 'bash' : user === users[1] ? 'sh' : 'dash'}, each way in`, async () => {
      const seen = await onBoth({ user: user.name, config, startUpFiles: true }, async (server) => {
        const found: Record<string, string[]> = {};
        for (const [name, login] of Object.entries(ways)) found[name] = await login(server);
        return found;
      });
      for (const lines of Object.values(seen)) {
        const text = lines.join('\n');
        assert.match(text, new RegExp(`^uid=${user.uid}\\(${user.name}\\)`));
        assert.match(text, /\/dev\/pts\//);
      }
    });
  }
});
