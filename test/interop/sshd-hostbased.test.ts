/** bin/sshd beside OpenSSH's: host-based login of OpenSSH's ssh, through ssh-keysign, by the same files and configuration. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createSystemUser,
  makeFolder,
  makeKey,
  missing,
  requireSuccess,
  runProgram,
  sshCommand,
  startNacreServer,
  startOpenSshServer,
} from '../harness/index.ts';

const skip = missing('ssh', 'sshd', 'nacre:sshd', 'root', 'useradd', 'unshare');

test('who is let in as whom', { skip }, async (t) => {
  if (!existsSync('/usr/lib/openssh/ssh-keysign')) return t.skip('there is no ssh-keysign here');
  if ((await runProgram(['unshare', '-m', 'true'])).status !== 0) return t.skip('this machine lets us mount nothing');
  const etc = join(makeFolder('hostbased'), 'etc');
  mkdirSync(etc);
  writeFileSync(join(etc, 'ssh_config'), 'EnableSSHKeysign yes\n');
  const key = await makeKey();
  writeFileSync(join(etc, 'ssh_host_ed25519_key'), readFileSync(key.file), { mode: 0o600 });
  writeFileSync(join(etc, 'ssh_host_ed25519_key.pub'), `${key.publicLine}\n`);
  const account = await createSystemUser();
  const own = join(account.home, '.ssh');
  mkdirSync(own);
  const loopback = readFileSync('/etc/hosts', 'utf8')
    .split('\n')
    .filter((line) => /^127\.0\.0\.1\s/.test(line))
    .flatMap((line) => line.trim().split(/\s+/).slice(1));
  const hosts = [...new Set(['localhost', '127.0.0.1', hostname(), ...loopback])];
  const known = (line = key.publicLine, marker = '') =>
    writeFileSync(join(own, 'known_hosts'), `${marker}${hosts.join(',')} ${line}\n`);
  const shosts = async (format: (host: string) => string, name = '.shosts') => {
    for (const each of ['.shosts', '.rhosts']) await requireSuccess(['rm', '-f', join(account.home, each)]);
    writeFileSync(join(account.home, name), hosts.map((host) => `${format(host)}\n`).join(''), { mode: 0o600 });
    await requireSuccess(['chown', '-R', `${account.uid}:${account.gid}`, account.home]);
  };
  const base = [
    'HostbasedAuthentication yes',
    'HostbasedUsesNameFromPacketOnly yes',
    'IgnoreRhosts no',
    'StrictModes yes',
  ];
  /** Both servers must say the same. */
  const compare = async (wanted: 'in' | 'out', extra: readonly string[] = [], said?: RegExp) => {
    for (const [kind, start] of Object.entries({ OpenSSH: startOpenSshServer, nacre: startNacreServer })) {
      const server = await start({ hostKeyTypes: ['ed25519'], identity: false, config: [...extra, ...base] });
      const command = sshCommand({ ...server, user: account.name }, ['echo in'], {
        options: ['HostbasedAuthentication=yes', 'PreferredAuthentications=hostbased'],
      });
      const inside = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/ssh && exec "$@"', etc];
      const { stdout, stderr } = await runProgram([...inside, ...command]);
      assert.equal(stdout.toString(), wanted === 'in' ? 'in\n' : '', `${kind}: ${stderr}\n${server.log()}`);
      if (said !== undefined) await server.waitForLog(said);
      await server.stop();
    }
  };

  known();
  await shosts((host) => `${host} root`);
  await t.test('a host and a user that are named, a key that is known', async () => {
    await compare('in', [], /Accepted hostbased for \S+ from \S+ port \d+ ssh2: ED25519 SHA256:/);
  });
  await t.test('files that are not asked', async () => {
    await compare('out', ['IgnoreRhosts yes']);
    await compare('out', ['IgnoreUserKnownHosts yes']);
    await compare('in', ['IgnoreRhosts shosts-only']);
    await shosts((host) => `${host} root`, '.rhosts');
    await compare('out', ['IgnoreRhosts shosts-only']);
    await compare('in');
  });
  await t.test('another user, a plus, a negation', async () => {
    await shosts((host) => `${host} somebody`);
    await compare('out');
    await shosts(() => '+ +');
    await compare('out');
    await shosts((host) => `${host} -root\n${host} root`);
    await compare('out');
    await shosts((host) => `${host} root`);
  });
  await t.test('a name that is only the client’s word', async () => {
    // Without UseDNS the host is its address: that is looked up, whatever the client calls itself.
    await compare('in', ['HostbasedUsesNameFromPacketOnly no'], /userauth_hostbased mismatch: client sends /);
  });
  await t.test('algorithms, another key, a revoked key', async () => {
    await compare('out', ['HostbasedAcceptedAlgorithms rsa-sha2-256']);
    known((await makeKey()).publicLine);
    await compare('out');
    known(key.publicLine, '@revoked ');
    await compare('out', [], /revoked key for \S+ attempted authentication/);
    known();
    const revoked = join(makeFolder(), 'revoked');
    writeFileSync(revoked, `${key.publicLine}\n`);
    await compare('out', [`RevokedKeys ${revoked}`]);
  });
  await t.test('files that others may write', async () => {
    for (const file of [join(account.home, '.shosts'), join(own, 'known_hosts')]) {
      chmodSync(file, 0o666);
      await compare('out');
      chmodSync(file, 0o600);
    }
    await compare('in');
  });
});
