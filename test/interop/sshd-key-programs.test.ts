/** bin/sshd beside OpenSSH's: programs that tell keys and principals, and files of principals, by the same configuration. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  atEnd,
  createSystemUser,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  requireSuccess,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const asRoot = { skip: missing('ssh', 'sshd', 'nacre:sshd', 'root', 'useradd') };
const starts = { OpenSSH: startOpenSshServer, nacre: startNacreServer };

/** Programs must lie where only root may write, which no temporary folder does. */
function makeSafeFolder(): string {
  const folder = mkdtempSync('/var/lib/nacre-test-');
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  return folder;
}

/** Starts both servers on the same lines, does the same with both, and stops them. */
async function withBoth(config: readonly string[], action: (server: TestServer, kind: string) => Promise<void>) {
  for (const [kind, start] of Object.entries(starts)) {
    const server = await start({ hostKeyTypes: ['ed25519'], identity: false, config });
    try {
      await action(server, kind);
    } finally {
      await server.stop();
    }
  }
}

test('AuthorizedKeysCommand', asRoot, async (t) => {
  const folder = makeSafeFolder();
  const user = await createSystemUser({ shell: '/bin/bash' });
  const helper = await createSystemUser({ groups: ['games', 'audio'] });
  const identity = await makeKey();
  const notes = join(makeFolder(), 'notes');
  const note = (): string => (existsSync(notes) ? readFileSync(notes, 'utf8') : '');
  const reset = (): void => {
    writeFileSync(notes, '');
    chownSync(notes, helper.uid, helper.gid);
    chmodSync(join(notes, '..'), 0o755);
  };
  const program = join(folder, 'keys');
  const write = (body: string, mode = 0o755, path = program): void => {
    writeFileSync(path, `#!/bin/bash\n${body}\n`);
    chmodSync(path, mode);
  };
  const tell = `echo '${identity.publicLine}'`;
  const lines = (line: string, ...more: string[]) => [
    ...more,
    'AuthorizedKeysFile none',
    `AuthorizedKeysCommand ${line}`,
    `AuthorizedKeysCommandUser ${helper.name}`,
  ];
  const login = (server: TestServer, name = user.name) =>
    runSsh({ ...server, identity, user: name }, ['echo in'], { options: ['IdentitiesOnly=yes'] });
  const status = async (config: readonly string[], wanted: number, log?: RegExp) => {
    await withBoth(config, async (server, kind) => {
      const result = await login(server);
      assert.equal(result.status, wanted, `${kind}: ${result.stderr}\n${server.log()}`);
      if (log !== undefined) await server.waitForLog(log);
    });
  };

  await t.test('tokens, ids, groups, environment, directory, descriptors', async () => {
    write(
      `{ printf '<%s>' "$@"; echo; id -u; id -g; id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '; echo; pwd; ` +
        `env | grep -Ev '^(SHLVL|PWD|_|LANG)=' | sort; ls -l /proc/self/fd | grep -c socket; ` +
        `readlink /proc/self/fd/0; grep -E 'CapEff|NoNewPrivs' /proc/self/status; umask; } >>${notes} 2>&1\n${tell}`,
    );
    const seen: string[] = [];
    const config = lines(`${program} "a b" %% %u %U %h %t %k %f -%u- '$(id)' #`);
    await withBoth(config, async (server, kind) => {
      reset();
      const result = await login(server);
      assert.equal(result.stdout.toString(), 'in\n', `${kind}: ${result.stderr}\n${server.log()}`);
      seen.push(note());
    });
    assert.equal(seen[1], seen[0]);
    assert.match(seen[1] ?? '', new RegExp(`^<a b><%><${user.name}><${user.uid}><${user.home}><ssh-ed25519><AAAA`));
  });
  await t.test('both ends of the connection, and the routing domain, which Debian 12 has not', async () => {
    write(`printf '<%s>' "$@" >>${notes}\n${tell}`);
    reset();
    const server = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      identity: false,
      config: lines(`${program} %C "%D"`),
    });
    assert.equal((await login(server)).status, 0);
    assert.match(note(), new RegExp(`^<127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${server.port}><>`));
    await server.stop();
  });
  await t.test('the user name where there is no argument; the user of the program by a token', async () => {
    write(`echo "$@ $(id -un)" >>${notes}\n${tell}`);
    const config = ['AuthorizedKeysFile none', `AuthorizedKeysCommand ${program}`, 'AuthorizedKeysCommandUser %u'];
    await withBoth(config, async (server, kind) => {
      reset();
      chmodSync(notes, 0o666);
      assert.equal((await login(server)).status, 0, kind);
      assert.equal(note().split('\n')[0], `${user.name} ${user.name}`, kind);
    });
  });
  await t.test('options of its lines', async () => {
    write(`echo 'command="echo forced" ${identity.publicLine}'`);
    await withBoth(lines(program), async (server) => {
      assert.equal((await login(server)).stdout.toString(), 'forced\n');
    });
  });
  await t.test('a program that fails gives no keys, whatever it printed', async () => {
    write(`${tell}; exit 3`);
    await status(lines(program), 255, new RegExp(`AuthorizedKeysCommand ${program} ${user.name} failed, status 3`));
    write(`${tell}; kill -TERM $$`);
    await status(lines(program), 255, /exited on signal/);
    write('exit 0');
    await status(lines(program), 255);
  });
  await t.test('owners and modes of the program and its folders', async () => {
    // Debian lets the program's group write where nobody else is in it.
    write(tell, 0o757);
    await status(lines(program), 255, /Unsafe AuthorizedKeysCommand ".*": bad ownership or modes for file/);
    chmodSync(program, 0o755);
    chownSync(program, helper.uid, 0);
    await status(lines(program), 255, /Unsafe AuthorizedKeysCommand ".*": bad ownership or modes for file/);
    chownSync(program, 0, 0);
    chmodSync(folder, 0o777);
    await status(lines(program), 255, /Unsafe AuthorizedKeysCommand ".*": bad ownership or modes for directory/);
    chmodSync(folder, 0o755);
    await status(lines(join(folder, 'missing')), 255, /Could not stat AuthorizedKeysCommand ".*missing"/);
    await status(lines(folder), 255, /Unsafe AuthorizedKeysCommand ".*": .* is not a regular file/);
    await status(lines(`${program} %z`), 255);
    await status(
      [`AuthorizedKeysFile none`, `AuthorizedKeysCommand ${program}`, 'AuthorizedKeysCommandUser no-such-user'],
      255,
      /AuthorizedKeysCommandUser "no-such-user" not found/,
    );
    await status(lines(program), 0);
  });
  await t.test('in a Match block, and none there', async () => {
    await status([`AuthorizedKeysFile none`, `Match User ${user.name}`, ...lines(program).slice(1)], 0);
    await status([...lines(program), `Match User ${user.name}`, 'AuthorizedKeysCommand none'], 255);
  });
  await t.test('nobody to run it as: no start', async () => {
    for (const [kind, start] of Object.entries(starts)) {
      const config = [`AuthorizedKeysCommand ${program}`];
      await assert.rejects(start({ hostKeyTypes: ['ed25519'], config }), /set without AuthorizedKeysCommandUser/, kind);
    }
  });
  await t.test('output without end lets nobody in, and the server goes on', async () => {
    write(`${tell}; exec yes`);
    const server = await startNacreServer({ hostKeyTypes: ['ed25519'], identity: false, config: lines(program) });
    assert.equal((await login(server)).status, 255);
    await server.waitForLog(/AuthorizedKeysCommand .* printed more than \d+ bytes/);
    write(tell);
    assert.equal((await login(server)).status, 0);
    // A name that is nobody's asks as well, and is refused whatever comes.
    assert.equal((await login(server, 'no-such-user')).status, 255);
    await server.stop();
  });
});

test('principals: files and programs', asRoot, async (t) => {
  const folder = makeSafeFolder();
  const user = await createSystemUser({ shell: '/bin/bash' });
  const ca = await makeKey({ comment: 'ca' });
  const identity = await makeKey();
  const caFile = join(folder, 'ca.pub');
  writeFileSync(caFile, `${ca.publicLine}\n`);
  const sign = async (...flags: string[]): Promise<void> =>
    void (await requireSuccess(['ssh-keygen', '-q', '-s', ca.file, '-I', 'id one', ...flags, `${identity.file}.pub`]));
  const login = (server: TestServer, key: KeyPair = identity) =>
    runSsh({ ...server, identity: key, user: user.name }, ['echo in'], {
      options: [`CertificateFile=${key.file}-cert.pub`, 'IdentitiesOnly=yes'],
    });
  const both = async (config: readonly string[], stdout: string, log?: RegExp) =>
    withBoth(['AuthorizedKeysFile none', `TrustedUserCAKeys ${caFile}`, ...config], async (server, kind) => {
      const result = await login(server);
      assert.equal(result.stdout.toString(), stdout, `${kind}: ${result.stderr}\n${server.log()}`);
      if (log !== undefined) await server.waitForLog(log);
    });
  const list = join(folder, user.name);
  const file = [`AuthorizedPrincipalsFile ${folder}/%u`];
  const unnamed = /Certificate does not contain an authorized principal/;

  await t.test('a file names them', async () => {
    await sign('-n', 'ops,web');
    writeFileSync(list, '# comment\nother\nweb # in words\n');
    await both(file, 'in\n');
    writeFileSync(list, 'w*\nop\nops,web\n');
    await both(file, '', unnamed);
    writeFileSync(list, 'restrict,command="echo by the line" ops\n');
    await both(file, 'by the line\n');
    writeFileSync(list, 'from="192.0.2.1" ops\nops\n');
    await both(file, '');
    writeFileSync(list, 'no-such-option ops\n');
    await both(file, '', unnamed);
    rmSync(list);
    await both(file, '', unnamed);
  });
  await t.test('the account’s own name is none where a file is asked', async () => {
    await sign('-n', user.name);
    writeFileSync(list, 'ops\n');
    await both(file, '', unnamed);
    await both(['AuthorizedPrincipalsFile none'], 'in\n');
  });
  await t.test('two commands that differ refuse', async () => {
    await sign('-n', 'ops', '-O', 'force-command=echo by the certificate');
    writeFileSync(list, 'command="echo by the line" ops\n');
    await both(file, '');
    writeFileSync(list, 'ops\n');
    await both(file, 'by the certificate\n');
  });
  await t.test('a file that others may write is not believed', async () => {
    await sign('-n', 'ops');
    const home = [`AuthorizedPrincipalsFile %h/.ssh/principals`, 'StrictModes yes'];
    const path = join(user.home, '.ssh', 'principals');
    mkdirSync(join(user.home, '.ssh'), { mode: 0o700 });
    writeFileSync(path, 'ops\n', { mode: 0o644 });
    for (const each of [join(path, '..'), path]) chownSync(each, user.uid, user.gid);
    await both(home, 'in\n');
    chmodSync(path, 0o666);
    await both(home, '', /Authentication refused: bad ownership or modes for file/);
  });
  await t.test('a program names them, with what the certificate says', async () => {
    const program = join(folder, 'principals');
    const notes = join(makeFolder(), 'notes');
    chmodSync(join(notes, '..'), 0o755);
    const run = [
      `AuthorizedPrincipalsCommand ${program} %i %s %u %U %h %t %k %f %T %K %F %%`,
      'AuthorizedPrincipalsCommandUser games',
    ];
    await sign('-n', 'ops', '-z', '18446744073709551615');
    const write = (body: string) => {
      writeFileSync(program, `#!/bin/bash\n${body}\n`);
      chmodSync(program, 0o755);
      writeFileSync(notes, '');
      chmodSync(notes, 0o666);
    };
    write(`printf '<%s>' "$@" >>${notes}; echo >>${notes}; echo other; echo ops`);
    await both(run, 'in\n');
    const asked = new Set(readFileSync(notes, 'utf8').trim().split('\n'));
    assert.equal(asked.size, 1, [...asked].join('\n'));
    assert.match([...asked][0] ?? '', new RegExp(`^<id one><18446744073709551615><${user.name}>`));
    write('echo other');
    await both(run, '', unnamed);
    // Either of the two is enough.
    writeFileSync(list, 'ops\n');
    await both([...file, ...run], 'in\n');
    write('echo ops; exit 1');
    await both(run, '', /AuthorizedPrincipalsCommand .* failed, status 1/);
    chmodSync(program, 0o757);
    await both(run, '', /Unsafe AuthorizedPrincipalsCommand/);
  });
});
