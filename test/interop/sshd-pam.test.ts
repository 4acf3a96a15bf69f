/** bin/sshd with UsePAM: the same rules of PAM, users and passwords beside Debian's sshd. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  atEnd,
  createSystemUser,
  makeFolder,
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
import { askpassEnvironment } from './_sshd.ts';

const withPam = { skip: missing('ssh', 'sshd', 'nacre:sshd', 'root', 'useradd') };

/** A service of the test's own. */
function makeService(lines: readonly string[]): string {
  const name = `nacre-test-${randomBytes(4).toString('hex')}`;
  const file = join('/etc/pam.d', name);
  atEnd(() => rm(file, { force: true }));
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o644 });
  return name;
}

const unix = ['auth required pam_unix.so nodelay', 'account required pam_unix.so', 'password required pam_unix.so'];
const session = ['session required pam_permit.so'];
const settings = ['UsePAM yes', 'PasswordAuthentication yes', 'KbdInteractiveAuthentication yes', 'PrintMotd no'];
test('scratch', withPam, async () => {
  const user = await createSystemUser({ shell: '/bin/bash' });
  const key = await userKey();
  await user.authorize(key.publicLine);
  const two = makeService(['auth required pam_echo.so hello %u', 'auth required pam_unix.so nodelay', 'account required pam_echo.so account words', 'account required pam_unix.so', 'password required pam_unix.so', ...session]);
  const deny = makeService([...unix.slice(0,1), 'account required pam_echo.so no account for you', 'account required pam_deny.so', ...session]);
  const theirs = async (service: string) => startOpenSshServer({ version: '10.0', hostKeyTypes: ['ed25519'], config: [...settings, `PAMServiceName ${service}`, 'AuthorizedKeysFile .ssh/authorized_keys'] });
  const ours = async (service: string) => startNacreServer({ hostKeyTypes: ['ed25519'], config: [...settings, `PAMServiceName ${service}`, 'AuthorizedKeysFile .ssh/authorized_keys'] });
  for (const [n, service] of [['two', two], ['deny', deny]] as const)
  for (const [name, start] of [['theirs', theirs], ['ours', ours]] as const) {
    const server = await start(service);
    for (const [method, u, pw] of [['password', user.name, user.password], ['keyboard-interactive', user.name, user.password], ['keyboard-interactive', user.name, 'x'], ['keyboard-interactive', 'nobodyhere', 'x'],['publickey', user.name, 'x']] as const) {
      const r = await runProgram(sshCommand({ ...server, user: u }, ['id -un; env | grep -v SSH_'], { options: ['BatchMode=no', `PreferredAuthentications=${method}`, 'NumberOfPasswordPrompts=1'] }), { env: askpassEnvironment(pw) });
      console.log('=====', n, name, method, u, r.status, JSON.stringify(r.stdout.toString()), JSON.stringify(r.stderr));
    }
    if (n === 'two') {
    for (const [what, flags] of [['expire', ['chage', '-E', '0', user.name]], ['unexpire', ['chage', '-E', '-1', user.name]], ['change', ['chage', '-d', '0', user.name]]] as const) {
      await requireSuccess(flags);
      if (what === 'unexpire') continue;
      for (const [method, u, pw] of [['password', user.name, user.password], ['keyboard-interactive', user.name, user.password], ['publickey', user.name, 'x']] as const) {
      const r = await runProgram(sshCommand({ ...server, user: u }, ['id -un'], { options: ['BatchMode=no', `PreferredAuthentications=${method}`, 'NumberOfPasswordPrompts=1'] }), { env: askpassEnvironment(pw) });
      console.log('=====', what, name, method, u, r.status, JSON.stringify(r.stdout.toString()), JSON.stringify(r.stderr));
      }
    }
    await requireSuccess(['chage', '-d', '20000', user.name]);
    }
    console.log(server.log());
    await server.stop();
  }
});
