/** bin/sshd with UsePAM: the same rules of PAM, users and passwords beside OpenSSH's sshd. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createSystemUser,
  makeKey,
  missing,
  requireSuccess,
  runProgram,
  sshCommand,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { makePamService } from './_pam.ts';
import { askpassEnvironment } from './_sshd.ts';

const withPam = { skip: missing('ssh', 'openssh-10', 'nacre:sshd', 'root', 'useradd') };

const unixAuth = 'auth required pam_unix.so nodelay';
const rest = ['password required pam_unix.so', 'session required pam_permit.so'];

type Method = 'password' | 'keyboard-interactive' | 'publickey';
interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a person sees, without what differs from run to run and the words with which a connection ends. */
function seen({ status, stdout, stderr }: Outcome): Outcome {
  const lines = stderr
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !/closed by|[Dd]isconnect/.test(line))
    // The order of the methods is each server's own.
    .map((line) => line.replace(/\([a-z,-]+\)/, '(…)'));
  return { status, stdout, stderr: lines.join('\n') };
}

test('UsePAM beside OpenSSH', withPam, async (t) => {
  const service = makePamService([
    'auth required pam_echo.so hello %u',
    unixAuth,
    'account required pam_echo.so account words',
    'account required pam_unix.so',
    ...rest,
  ]);
  const denying = makePamService([
    unixAuth,
    'account required pam_echo.so not you',
    'account required pam_deny.so',
    ...rest,
  ]);
  // One after the other: useradd locks the files of accounts.
  const user = await createSystemUser({ shell: '/bin/bash' });
  const denied = await createSystemUser({ shell: '/bin/bash' });
  const expired = await createSystemUser({ shell: '/bin/bash' });
  const old = await createSystemUser({ shell: '/bin/bash' });
  const key = await userKey();
  for (const each of [user, denied, expired, old]) await each.authorize(key.publicLine);
  await requireSuccess(['chage', '-E', '0', expired.name]);
  await requireSuccess(['chage', '-d', '0', old.name]);
  const config = [
    'UsePAM yes',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication yes',
    'PrintMotd no',
    'PerSourcePenalties no',
    'AuthorizedKeysFile .ssh/authorized_keys',
    `PAMServiceName ${service}`,
  ];
  const settings = { hostKeyTypes: ['ed25519'] as const, config };
  const strict = { ...settings, config: [...config.slice(0, -1), `PAMServiceName ${denying}`] };
  const [theirs, ours, theirsStrict, oursStrict] = await Promise.all([
    startOpenSshServer({ ...settings, version: '10.0' }),
    startNacreServer(settings),
    startOpenSshServer({ ...strict, version: '10.0' }),
    startNacreServer(strict),
  ]);

  const login = async (server: TestServer, name: string, method: Method, password: string): Promise<Outcome> => {
    const options = ['BatchMode=no', `PreferredAuthentications=${method}`, 'NumberOfPasswordPrompts=1'];
    const command = sshCommand({ ...server, user: name }, ['id -un; echo $PAM_TEST'], { options });
    const { status, stdout, stderr } = await runProgram(command, { env: askpassEnvironment(password) });
    return { status, stdout: stdout.toString(), stderr };
  };
  const compare = async (pair: readonly TestServer[], name: string, method: Method, password: string) => {
    const [one, other] = await Promise.all(pair.map((server) => login(server, name, method, password)));
    assert.deepEqual(seen(other as Outcome), seen(one as Outcome), `${method} as ${name}`);
    return seen(other as Outcome);
  };
  const methods: readonly Method[] = ['password', 'keyboard-interactive', 'publickey'];

  await t.test('a good login by each method, with the words of the modules', async () => {
    for (const method of methods) {
      const { status, stdout, stderr } = await compare([theirs, ours], user.name, method, user.password);
      assert.deepEqual([status, stdout], [0, `${user.name}\n\n`]);
      assert.match(stderr, /account words/);
    }
  });
  await t.test('a wrong password, and names that are nobody’s', async () => {
    for (const method of ['password', 'keyboard-interactive'] as const) {
      for (const name of [user.name, 'no-such-user']) {
        const { status, stderr } = await compare([theirs, ours], name, method, 'wrong');
        assert.equal(status, 255);
        assert.match(stderr, /Permission denied/);
      }
    }
    for (const server of [theirs, ours]) {
      await server.waitForLog(new RegExp(`PAM: Authentication failure for ${user.name} from 127\\.0\\.0\\.1`));
      await server.waitForLog(/PAM: [A-Z].* for illegal user no-such-user from 127\.0\.0\.1/);
      await server.waitForLog(/Failed keyboard-interactive\/pam for invalid user no-such-user from 127\.0\.0\.1 port/);
    }
  });
  await t.test('an account that has expired', async () => {
    for (const method of methods) {
      const { status, stderr } = await compare([theirs, ours], expired.name, method, expired.password);
      assert.equal(status, 255);
      assert.match(stderr, /Your account has expired/);
    }
    for (const server of [theirs, ours]) {
      await server.waitForLog(new RegExp(`Access denied for user ${expired.name} by PAM account configuration`));
    }
  });
  await t.test('an account that PAM denies, whatever the key', async () => {
    for (const method of ['password', 'publickey'] as const) {
      const { status, stderr } = await compare([theirsStrict, oursStrict], denied.name, method, denied.password);
      assert.equal(status, 255);
      assert.match(stderr, /not you/);
    }
    await oursStrict.waitForLog(new RegExp(`Failed publickey for ${denied.name} .*ED25519`));
  });
  await t.test('a password that has to be changed: nothing else is served', async () => {
    for (const method of ['password', 'publickey'] as const) {
      const { status, stdout, stderr } = await compare([theirs, ours], old.name, method, old.password);
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(stderr, /WARNING: Your password has expired\.\nPassword change required but no TTY available\./);
    }
    const command = sshCommand({ ...ours, user: old.name }, [], { flags: ['-W', `127.0.0.1:${ours.port}`] });
    assert.match((await runProgram(command)).stderr, /administratively prohibited/);
  });
  await t.test('and in a dialogue it is changed at once', async () => {
    const next = `Nacre-${old.password}`;
    const script = `
      set timeout 20
      spawn ${sshCommand({ ...ours, user: old.name }, ['id -un'], {
        options: ['BatchMode=no', 'PreferredAuthentications=keyboard-interactive'],
      }).join(' ')}
      expect "assword:" { send "${old.password}\\r" }
      expect "urrent password:" { send "${old.password}\\r" }
      expect "ew password:" { send "${next}\\r" }
      expect "ew password:" { send "${next}\\r" }
      expect eof`;
    const { stdout } = await runProgram(['expect', '-c', script]);
    assert.match(stdout.toString(), new RegExp(`^${old.name}\\s*$`, 'm'), ours.log());
    assert.equal((await login(ours, old.name, 'password', next)).status, 0);
  });
  await t.test('a login by another key is nobody’s business of PAM', async () => {
    const identity = await makeKey();
    const result = await login({ ...ours, identity }, user.name, 'publickey', '');
    assert.equal(result.status, 255);
  });
});
