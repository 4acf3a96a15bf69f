/** A process of root's that becomes a user for good: identity, PAM's session, limits, another root directory. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPamPool } from 'nacre/dist/commands/sshd/pam-pool.js';
import {
  createSystemUser,
  makeFolder,
  missing,
  nacreProgram,
  requireSuccess,
  runProgram,
  type SystemUser,
} from '../harness/index.ts';
import { makePamService } from './_pam.ts';

const asRoot = { skip: missing('root', 'useradd', 'nacre:sshd') };
const moduleUrl = import.meta.resolve('nacre/dist/os/become-account.js');
const accountsUrl = import.meta.resolve('nacre/dist/os/index.js');

/** Lets another process become the user and tells what it is then. */
function become(user: SystemUser, extra: object, env: Record<string, string | undefined> = {}) {
  const script = `
    import { readFileSync, readdirSync } from 'node:fs';
    import { spawnSync } from 'node:child_process';
    import { becomeAccount } from ${JSON.stringify(moduleUrl)};
    import { findAccount } from ${JSON.stringify(accountsUrl)};
    const became = becomeAccount({ account: findAccount(${JSON.stringify(user.name)}), ...${JSON.stringify(extra)} });
    const status = readFileSync('/proc/self/status', 'utf8');
    const field = (name) => status.match(new RegExp('^' + name + ':\\\\s*(.*)$', 'm'))[1];
    const refused = [() => process.setuid(0), () => process.seteuid(0), () => process.setgid(0), () => process.setgroups([0])]
      .map((way) => { try { way(); return false; } catch { return true; } });
    console.log(JSON.stringify({ ...became, uid: field('Uid'), gid: field('Gid'), groups: process.getgroups(), refused,
      umask: process.umask(), caps: field('CapEff'), openFiles: process.env.NACRE_OPEN_FILES }));`;
  return runProgram([process.execPath, '--input-type=module', '-e', script], {
    env: { UV_USE_IO_URING: '0', ...env },
    cwd: '/',
  });
}

test('a process becomes an account', asRoot, async (t) => {
  const user = await createSystemUser({ groups: ['games', 'audio'] });
  const ids = (id: number) => Array(4).fill(id).join('\t');

  await t.test('with its groups, and no way back', async () => {
    const result = await become(user, {});
    const said = JSON.parse(result.stdout.toString());
    assert.deepEqual([said.uid, said.gid], [ids(user.uid), ids(user.gid)], result.stderr);
    assert.deepEqual(said.refused, [true, true, true, true]);
    assert.match(said.caps, /^0+$/);
    const groups = (await requireSuccess(['id', '-G', user.name])).trim().split(' ').map(Number);
    assert.deepEqual(new Set(said.groups), new Set(groups));
  });
  await t.test('with PAM’s session: limits, environment, umask and words', async () => {
    const folder = makeFolder('pam');
    const limits = join(folder, 'limits.conf');
    const variables = join(folder, 'pam_env.conf');
    writeFileSync(limits, `${user.name} soft nofile 777\n${user.name} hard nofile 888\n`);
    writeFileSync(variables, 'NACRE_PAM DEFAULT=from-pam\n');
    const service = makePamService([
      'auth required pam_permit.so',
      'session required pam_echo.so welcome %u',
      `session required pam_limits.so conf=${limits}`,
      `session required pam_env.so conffile=${variables} user_readenv=0`,
      'session required pam_umask.so umask=0027',
    ]);
    const pam = { service, remoteHost: '127.0.0.1', environment: { FROM_LOGIN: 'yes' } };
    const result = await become(user, { pam });
    const said = JSON.parse(result.stdout.toString());
    assert.equal(said.words, `welcome ${user.name}\n`, result.stderr);
    assert.equal(said.sessionRefusal, undefined);
    assert.deepEqual(said.environment, { FROM_LOGIN: 'yes', NACRE_PAM: 'from-pam' });
    assert.deepEqual([said.umask, said.openFiles], [0o27, '777']);
    assert.equal(said.uid, ids(user.uid));
  });
  await t.test('and root ends that session when the process is gone', async () => {
    const folder = makeFolder('pam');
    const [script, record] = [join(folder, 'record.sh'), join(folder, 'record')];
    writeFileSync(script, `#!/bin/sh\necho "$PAM_TYPE $PAM_USER $PAM_RHOST $PAM_SERVICE $FROM_LOGIN" >> ${record}\n`);
    chmodSync(script, 0o755);
    const service = makePamService(['auth required pam_permit.so', `session required pam_exec.so ${script}`]);
    const pam = { service, remoteHost: '192.0.2.1', environment: { FROM_LOGIN: 'yes' } };
    const { environment } = JSON.parse((await become(user, { pam })).stdout.toString());
    const pool = openPamPool({
      start: () => spawn(nacreProgram('sshd'), ['--ask-pam'], { stdio: ['pipe', 'ignore', 'inherit', 'pipe'] }),
    });
    const closed = await pool.closeSession({ ...pam, environment, user: user.name });
    pool.close();
    assert.equal(closed.isGood, true, closed.text);
    const lines = ['open_session', 'close_session'].map((type) => `${type} ${user.name} 192.0.2.1 ${service} yes\n`);
    assert.equal(readFileSync(record, 'utf8'), lines.join(''));
  });
  await t.test('a session that PAM refuses is told of, and the process is the user’s all the same', async () => {
    const service = makePamService(['auth required pam_permit.so', 'session required pam_deny.so']);
    const said = JSON.parse(
      (await become(user, { pam: { service, remoteHost: '127.0.0.1', environment: {} } })).stdout.toString(),
    );
    assert.match(said.sessionRefusal, /^PAM: pam_open_session\(\): /);
    assert.equal(said.uid, ids(user.uid));
  });
  await t.test('in another root directory', async () => {
    // Below a folder of root's that others may not write: /tmp is none.
    const root = join('/var', 'lib', `nacre-test-${user.name}`);
    await requireSuccess(['mkdir', '-p', '-m', '755', root]);
    try {
      mkdirSync(join(root, 'proc'));
      mkdirSync(join(root, 'marker-of-the-new-root'));
      const script = `
        import { readdirSync } from 'node:fs';
        import { becomeAccount } from ${JSON.stringify(moduleUrl)};
        import { findAccount } from ${JSON.stringify(accountsUrl)};
        becomeAccount({ account: findAccount(${JSON.stringify(user.name)}), chroot: ${JSON.stringify(root)} });
        console.log(JSON.stringify([readdirSync('/').sort(), process.cwd(), process.getuid()]));`;
      const run = () =>
        runProgram([process.execPath, '--input-type=module', '-e', script], { env: { UV_USE_IO_URING: '0' } });
      const result = await run();
      const expected = [['marker-of-the-new-root', 'proc'], '/', user.uid];
      assert.deepEqual(JSON.parse(result.stdout.toString()), expected, result.stderr);
      for (const [mode, owner, words] of [
        [0o775, 'root', /bad ownership or modes for chroot directory "/],
        [0o755, user.name, /bad ownership or modes for chroot directory "/],
      ] as const) {
        chmodSync(root, mode);
        await requireSuccess(['chown', owner, root]);
        const refused = await run();
        assert.notEqual(refused.status, 0);
        assert.match(refused.stderr, words);
      }
    } finally {
      await requireSuccess(['rm', '-r', '--', root]);
    }
    const open = makeFolder('root');
    assert.match(
      (await become(user, { chroot: open })).stderr,
      /bad ownership or modes for chroot directory component "/,
    );
    assert.match((await become(user, { chroot: 'tmp' })).stderr, /chroot path does not begin at root/);
    assert.match((await become(user, { chroot: fileURLToPath(moduleUrl) })).stderr, /chroot/);
  });
  await t.test('never with io_uring, which keeps the rights of root', async () => {
    for (const value of [undefined, '1']) {
      const result = await become(user, {}, { UV_USE_IO_URING: value });
      assert.notEqual(result.status, 0);
      assert.match(result.stderr, /without io_uring/);
    }
  });
});
