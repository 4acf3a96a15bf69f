/** A user of the system made for a test and removed after it: for password logins and servers that change identity. Root only. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atEnd, makeFolder } from './cleanup.ts';
import { requireProgram } from './paths.ts';
import { requireSuccess, runProgram } from './programs.ts';

export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly password: string;
  /** Writes ~/.ssh/authorized_keys with the owner and modes that servers insist on. */
  authorize(...lines: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

/** Makes a user with a home in a temporary folder and a password. */
export async function createSystemUser(
  options: { shell?: string; groups?: readonly string[] } = {},
): Promise<SystemUser> {
  const name = `nacre${randomBytes(4).toString('hex')}`;
  const password = randomBytes(12).toString('base64url');
  const folder = makeFolder('home');
  // Others have to walk through it, the user itself first.
  chmodSync(folder, 0o755);
  const home = join(folder, name);
  const groups = options.groups === undefined ? [] : ['-G', options.groups.join(',')];
  const shell = options.shell ?? '/bin/sh';
  await requireSuccess([requireProgram('useradd'), '-m', '-k', '/dev/null', '-d', home, '-s', shell, ...groups, name]);
  let removed = false;
  const remove = async () => {
    if (removed) return;
    removed = true;
    await runProgram([requireProgram('userdel'), '-f', name]);
  };
  atEnd(remove);
  await requireSuccess([requireProgram('chpasswd')], { input: `${name}:${password}\n` });
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${name}:`));
  const [, , uid = '', gid = ''] = entry?.split(':') ?? [];
  return {
    name,
    uid: Number(uid),
    gid: Number(gid),
    home,
    password,
    async authorize(...lines) {
      const ssh = join(home, '.ssh');
      if (!existsSync(ssh)) mkdirSync(ssh, { mode: 0o700 });
      writeFileSync(join(ssh, 'authorized_keys'), `${lines.join('\n')}\n`, { mode: 0o600 });
      await requireSuccess([requireProgram('chown'), '-R', `${name}:`, ssh]);
    },
    remove,
  };
}
