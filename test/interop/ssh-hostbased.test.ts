/** Host-based login through OpenSSH's ssh-keysign, by bin/ssh and by OpenSSH's ssh, against OpenSSH's sshd. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  createSystemUser,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  type SystemUser,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';
import { type BothOptions, runOne } from './_both-clients.ts';

const helper = '/usr/lib/openssh/ssh-keysign';
let skip: string | false = missing('nacre:ssh', 'sshd', 'root');
let server: TestServer;
let account: SystemUser;
let folder = '';

before(async () => {
  if (skip === false && !existsSync(helper)) skip = 'there is no ssh-keysign here';
  if (skip === false && (await runProgram(['unshare', '-m', 'true']).catch(() => undefined))?.status !== 0) {
    skip = 'this machine lets us put no file in place of another';
  }
  if (skip !== false) return;
  folder = makeFolder('hostbased');
  account = await createSystemUser();
  // Host keys and a configuration of this machine, for whoever is started by inside().
  mkdirSync(join(folder, 'etc'));
  const keys = await Promise.all([makeKey(), makeKey({ type: 'rsa' }), makeKey({ type: 'ecdsa-256' })]);
  const names = ['ed25519', 'rsa', 'ecdsa'];
  for (const [index, key] of keys.entries()) {
    const file = join(folder, 'etc', `ssh_host_${names[index]}_key`);
    writeFileSync(file, readFileSync(key.file), { mode: 0o600 });
    writeFileSync(`${file}.pub`, `${key.publicLine}\n`);
  }
  const own = join(account.home, '.ssh');
  mkdirSync(own);
  const hosts = ['localhost', '127.0.0.1', hostname(), ...namesOfLoopback()].join(',');
  writeFileSync(join(own, 'known_hosts'), keys.map(({ publicLine }) => `${hosts} ${publicLine}\n`).join(''));
  writeFileSync(
    join(account.home, '.shosts'),
    hosts
      .split(',')
      .map((name) => `${name} root\n`)
      .join(''),
  );
  await requireSuccess(['chown', '-R', `${account.uid}:${account.gid}`, account.home]);
  chmodSync(join(account.home, '.shosts'), 0o600);
  server = await startOpenSshServer({
    identity: false,
    config: ['HostbasedAuthentication yes', 'HostbasedUsesNameFromPacketOnly yes', 'IgnoreRhosts no', 'UseDNS no'],
  });
});

/** What this machine may call itself. */
function namesOfLoopback(): string[] {
  const lines = readFileSync('/etc/hosts', 'utf8').split('\n');
  return lines.filter((line) => /^127\.0\.0\.1\s/.test(line)).flatMap((line) => line.trim().split(/\s+/).slice(1));
}

/** A start in which /etc/ssh is ours. */
function inside(allowed: boolean): string[] {
  writeFileSync(join(folder, 'etc', 'ssh_config'), `EnableSSHKeysign ${allowed ? 'yes' : 'no'}\n`);
  return ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/ssh && exec "$@"', join(folder, 'etc')];
}

async function both(each: BothOptions & { allowed?: boolean }) {
  const options = ['HostbasedAuthentication=yes', ...(each.options ?? [])];
  const made = [];
  for (const program of [openSshProgram('ssh', '9.2'), nacreProgram('ssh')]) {
    const known = readFileSync(server.knownHostsFile, 'utf8');
    const prefix = inside(each.allowed ?? true);
    const { status, stderr } = await runOne(program, server, {
      ...each,
      ...{ options: [...options, 'BatchMode=yes'], known, prefix, user: account.name, flags: ['-v'] },
    });
    made.push({
      status,
      stderr,
      methods: stderr.match(/Authenticated to .* using "(.*)"/)?.[1],
      tried: stderr.split('\n').flatMap((line) => /trying hostkey .* using sigalg (\S+)/.exec(line)?.[1] ?? []),
    });
  }
  const [theirs, ours] = made as [(typeof made)[0], (typeof made)[0]];
  const said = `theirs: ${theirs.stderr}\nours: ${ours.stderr}\nserver: ${server.log()}`;
  const facts = ({ status, methods, tried }: typeof ours) => ({ status, methods, tried });
  assert.deepEqual(facts(ours), facts(theirs), said);
  return { ours, said };
}

test('a host vouches for its user', async (t) => {
  if (skip !== false) return t.skip(skip);
  const { ours, said } = await both({});
  assert.deepEqual([ours.status, ours.methods], [0, 'hostbased'], said);
});

test('HostbasedAcceptedAlgorithms chooses the key', async (t) => {
  if (skip !== false) return t.skip(skip);
  for (const algorithm of ['rsa-sha2-256', 'ecdsa-sha2-nistp256', 'ssh-ed25519']) {
    const { ours, said } = await both({ options: [`HostbasedAcceptedAlgorithms=${algorithm}`] });
    assert.deepEqual([ours.status, ours.tried], [0, [algorithm]], said);
  }
});

test('through a proxy the helper is told no address', async (t) => {
  if (skip !== false) return t.skip(skip);
  const script = join(folder, 'proxy.mjs');
  writeFileSync(
    script,
    "import { connect } from 'node:net';\nconst socket = connect(Number(process.argv[2]), '127.0.0.1');\nprocess.stdin.pipe(socket).pipe(process.stdout);\n",
  );
  const { ours, said } = await both({ options: [`ProxyCommand=${process.execPath} ${script} ${server.port}`] });
  assert.equal(ours.status, 0, said);
});

test('where root has not allowed it, nobody is in and the reason is told', async (t) => {
  if (skip !== false) return t.skip(skip);
  const { ours, said } = await both({ allowed: false });
  assert.equal(ours.status, 255, said);
  assert.match(ours.stderr, /ssh-keysign not enabled in/);
});

test('it is off by default, and PreferredAuthentications may leave it out', async (t) => {
  if (skip !== false) return t.skip(skip);
  for (const option of ['HostbasedAuthentication=no', 'PreferredAuthentications=publickey']) {
    const made = await runOne(nacreProgram('ssh'), server, {
      options: [option, 'HostbasedAuthentication=yes', 'BatchMode=yes'],
      ...{ known: readFileSync(server.knownHostsFile, 'utf8'), prefix: inside(true), user: account.name },
    });
    assert.equal(made.status, 255, made.stderr);
  }
});

test('a helper of another place, and one that answers nonsense', async (t) => {
  if (skip !== false) return t.skip(skip);
  const run = (file: string) =>
    runOne(nacreProgram('ssh'), server, {
      options: ['HostbasedAuthentication=yes', 'BatchMode=yes'],
      ...{ known: readFileSync(server.knownHostsFile, 'utf8'), prefix: inside(true), user: account.name },
      env: { NACRE_SSH_KEYSIGN: file },
    });
  assert.equal((await run(helper)).status, 0);
  for (const script of ['exit 0', 'cat', 'head -c 100000 /dev/zero', 'echo no >&2; exit 1']) {
    const file = join(folder, 'helper');
    writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const made = await run(file);
    assert.equal(made.status, 255, script);
    assert.match(made.stderr, /sign using hostkey .* failed: /, script);
  }
  const none = await run(join(folder, 'nothing'));
  assert.equal(none.status, 255);
});
