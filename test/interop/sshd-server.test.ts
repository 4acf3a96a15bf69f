/** bin/sshd as OpenSSH's clients see it: commands, bulk data, terminals, algorithms, new keys. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  clientOptions,
  keyTypes,
  makeFolder,
  missing,
  openSshProgram,
  requireSuccess,
  runProgram,
  runSsh,
  sshCommand,
  startNacreServer,
  startTerminal,
  type TestServer,
} from '../harness/index.ts';
import { quote, sha256, until, withSsh } from './_sshd.ts';

test('commands: output, errors, status, signal, input', withSsh, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: keyTypes });

  await t.test('both outputs and the status', async () => {
    const result = await runSsh(server, ['echo out; echo err >&2; exit 42']);
    assert.deepEqual([result.status, result.stdout.toString(), result.stderr], [42, 'out\n', 'err\n']);
  });
  await t.test('a signal is told as one', async () => {
    const result = await runSsh(server, ['kill -TERM $$'], { flags: ['-v'] });
    assert.equal(result.status, 255);
    assert.match(result.stderr, /rtype exit-signal/);
  });
  await t.test('input and its end', async () => {
    const result = await runSsh(server, ['wc -c; echo done'], { input: 'x'.repeat(12345) });
    assert.equal(result.stdout.toString().trim(), '12345\ndone');
  });
  await t.test('pipes are pipes: /dev/stdout can be opened', async () => {
    const result = await runSsh(server, ['echo a > /dev/stdout; echo b > /dev/stderr; cat /dev/stdin'], { input: 'c' });
    assert.deepEqual([result.stdout.toString(), result.stderr], ['a\nc', 'b\n']);
  });
  await t.test('a command that reads nothing does not hold the client', async () => {
    const result = await runSsh(server, ['exit 3'], { input: randomBytes(8 << 20) });
    assert.equal(result.status, 3);
  });
  await t.test(
    'a background process with closed output does not hold the session, one with open output does',
    async () => {
      const start = Date.now();
      assert.equal((await runSsh(server, ['sleep 20 >/dev/null 2>&1 </dev/null & echo hi'])).stdout.toString(), 'hi\n');
      assert.ok(Date.now() - start < 10_000);
      const later = Date.now();
      assert.equal((await runSsh(server, ['(sleep 2; echo late) & echo hi'])).stdout.toString(), 'hi\nlate\n');
      assert.ok(Date.now() - later >= 1900);
    },
  );
  await t.test('a command outlives a client that goes, and learns it when it writes', async () => {
    const file = join(makeFolder(), 'alive');
    const child = spawn(
      sshCommand(server, [])[0] as string,
      sshCommand(server, [`sleep 2; echo yes > ${file}`]).slice(1),
    );
    await delay(800);
    child.kill('SIGKILL');
    await delay(2500);
    assert.equal(readFileSync(file, 'utf8'), 'yes\n');
  });
  await t.test('the environment and the folder', async () => {
    const result = await runSsh(server, [
      'pwd; echo $SSH_CONNECTION; echo $USER $LOGNAME $SHELL; echo [$SSH_TTY$SSH_ORIGINAL_COMMAND]',
    ]);
    const [folder, connection = '', names = '', rest] = result.stdout.toString().split('\n');
    assert.equal(folder, await requireSuccess(['sh', '-c', 'cd ~ && pwd']).then((text) => text.trim()));
    assert.match(connection, new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${server.port}$`));
    assert.match(names, new RegExp(`^${server.user} ${server.user} /`));
    assert.equal(rest, '[]');
  });
  await t.test('ten sessions over one connection', async () => {
    const folder = makeFolder();
    const control = join(folder, 'control');
    const master = ['-M', '-S', control, '-o', 'ControlPersist=60'];
    await runSsh(server, ['true'], { flags: master });
    const runs = Array.from({ length: 10 }, (_, i) =>
      runSsh(server, [`sleep 0.2; echo ${i}`], { flags: ['-S', control] }),
    );
    const results = await Promise.all(runs);
    assert.deepEqual(
      results.map((result) => result.stdout.toString().trim()),
      Array.from({ length: 10 }, (_, i) => String(i)),
    );
    await runSsh(server, [], { flags: ['-S', control, '-O', 'exit'] });
  });
  await t.test('compression', async () => {
    const input = Buffer.alloc(3 << 20, 'compress me ');
    const result = await runSsh(server, ['cat'], { input, flags: ['-C'] });
    assert.equal(sha256(result.stdout), sha256(input));
  });
});

test('100 MB each way arrive as they were', withSsh, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  const input = randomBytes(100_000_000);
  const wanted = sha256(input);
  const file = join(makeFolder(), 'big');
  writeFileSync(file, input);
  await t.test('to the server', async () => {
    const result = await runSsh(server, ['sha256sum'], { input, timeoutMs: 60_000 });
    assert.equal(result.stdout.toString().split(' ')[0], wanted, result.stderr);
  });
  await t.test('from the server', async () => {
    const result = await runSsh(server, [`cat ${file}; exit 9`], { timeoutMs: 60_000 });
    assert.deepEqual([sha256(result.stdout), result.status], [wanted, 9]);
  });
  await t.test('on standard error', async () => {
    const result = await runProgram(
      ['sh', '-c', `${quote(sshCommand(server, [`cat ${file} >&2`]))} 2>&1 >/dev/null | sha256sum`],
      { timeoutMs: 60_000 },
    );
    assert.equal(result.stdout.toString().split(' ')[0], wanted);
  });
  await t.test('both ways at once', async () => {
    const result = await runSsh(server, ['cat'], { input, timeoutMs: 60_000 });
    assert.equal(sha256(result.stdout), wanted);
  });
});

test('new keys every megabyte, 200 MB each way', withSsh, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['RekeyLimit 1M'] });
  for (const command of ['head -c 200000000 /dev/zero | sha256sum; head -c 200000000 /dev/zero', 'sha256sum']) {
    const input = command === 'sha256sum' ? Buffer.alloc(200_000_000) : undefined;
    const result = await runSsh(server, [command], {
      flags: ['-v'],
      // What is tested is the change of keys; hybrid methods would take most of the time.
      options: ['RekeyLimit=1M', 'KexAlgorithms=curve25519-sha256'],
      timeoutMs: 120_000,
      ...(input && { input }),
    });
    const exchanges = result.stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
    assert.ok(exchanges > 50, `${exchanges} key exchanges`);
    const zeros = sha256(Buffer.alloc(200_000_000));
    assert.ok(result.stdout.toString('latin1', 0, 64) === zeros, result.stdout.toString('latin1', 0, 64));
    if (input === undefined) assert.equal(result.stdout.length, 200_000_000 + 68);
  }
});

test('terminals', { skip: missing('ssh', 'nacre:sshd', 'python3') }, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['PrintMotd no'] });
  const open = (args: readonly string[] = [], size = { columns: 90, rows: 30 }) =>
    startTerminal(sshCommand(server, ["PS1='ready$ ' sh -i", ...args], { flags: ['-tt'] }), size);

  await t.test('size, resize, Ctrl-C, end of file', async () => {
    const terminal = open();
    await terminal.expect(/ready\$/);
    terminal.send('stty size; tty; echo $TERM\r');
    await terminal.expect(/30 90\s+\/dev\/pts\/\d+\s+xterm-256color/);
    terminal.resize(123, 45);
    await delay(300);
    terminal.send('stty size\r');
    await terminal.expect(/45 123/);
    terminal.send('sleep 100\r');
    await delay(400);
    terminal.send('\x03');
    await terminal.expect(/ready\$/);
    terminal.send('echo status $?\r');
    await terminal.expect(/status 130/);
    terminal.send('exit 7\r');
    assert.equal((await terminal.ended()).status, 7);
  });
  await t.test('job control', async () => {
    const terminal = open();
    await terminal.expect(/ready\$/);
    terminal.send('sleep 100\r');
    await delay(400);
    terminal.send('\x1a');
    await terminal.expect(/Stopped/);
    terminal.send('jobs\r');
    await terminal.expect(/Stopped.*sleep 100/);
    terminal.send('kill %1; fg; echo over\r');
    await terminal.expect(/over/);
    terminal.send('\x04');
    await terminal.ended();
  });
  await t.test('the login shell, its dash and SSH_TTY', async () => {
    const terminal = startTerminal(sshCommand(server, []), {});
    await terminal.expect(/[$#] /, 20_000);
    terminal.send('echo "name=$0 tty=$SSH_TTY"; exit\r');
    await terminal.expect(/name=-\w+ tty=\/dev\/pts\/\d+/);
    assert.equal((await terminal.ended()).status, 0);
  });
  await t.test('vi', { skip: missing('vi') }, async () => {
    const file = join(makeFolder(), 'text');
    const terminal = open();
    await terminal.expect(/ready\$/);
    terminal.send(`vi ${file}\r`);
    await terminal.expect(/~/);
    terminal.send('ihello from vi\x1b:wq\r');
    await terminal.expect(/ready\$/);
    assert.equal(readFileSync(file, 'utf8'), 'hello from vi\n');
    await terminal.close();
  });
  await t.test('top', { skip: missing('top') }, async () => {
    const terminal = open();
    await terminal.expect(/ready\$/);
    terminal.send('top -d 1\r');
    await terminal.expect(/load average/);
    await terminal.expect(/PID/);
    terminal.send('q');
    await terminal.expect(/ready\$/);
    await terminal.close();
  });
  await t.test('what runs in a terminal is hung up when the client goes', async () => {
    const file = join(makeFolder(), 'pid');
    const terminal = open();
    await terminal.expect(/ready\$/);
    terminal.send(`echo $$ > ${file}; sleep 1000\r`);
    await delay(500);
    const pid = Number(readFileSync(file, 'utf8'));
    assert.ok(existsSync(`/proc/${pid}`));
    await terminal.close();
    await until(() => !existsSync(`/proc/${pid}`), 'the shell is gone');
  });
  await t.test('a megabyte through a terminal', async () => {
    const result = await runSsh(server, ['head -c 1000000 /dev/zero | tr "\\\\0" x; exit 4'], { flags: ['-tt'] });
    assert.deepEqual([result.stdout.toString('latin1').replaceAll(/[^x]/g, '').length, result.status], [1_000_000, 4]);
  });
});

test('every algorithm that both know', withSsh, async (t) => {
  const server = await startNacreServer({
    hostKeyTypes: keyTypes,
    config: [
      'KexAlgorithms +diffie-hellman-group*,mlkem768nistp256-sha256',
      'Ciphers +*-cbc',
      'MACs +hmac-*',
      'MaxStartups 100',
    ],
  });
  const ask = async (kind: string) => (await requireSuccess([openSshProgram('ssh'), '-Q', kind])).trim().split('\n');
  const offered = await offers(server);
  const both = async (kind: string, key: keyof typeof offered) =>
    (await ask(kind)).filter((name) => offered[key].includes(name));
  const kexes = await both('kex', 'kex');
  const hostKeys = await both('HostKeyAlgorithms', 'hostKey');
  const ciphers = await both('cipher', 'cipher');
  const macs = await both('mac', 'mac');
  assert.ok(kexes.length >= 10 && hostKeys.length >= 6 && ciphers.length >= 10 && macs.length >= 6);
  const rows = coverPairs([kexes, hostKeys, ciphers, macs]);
  t.diagnostic(
    `${kexes.length} x ${hostKeys.length} x ${ciphers.length} x ${macs.length}: ${rows.length} logins cover every pair`,
  );
  const input = randomBytes(70_000);
  await inTurns(rows, 4, async ([kex, hostKey, cipher, mac]) => {
    const result = await runSsh(server, ['cat; exit 5'], {
      input,
      options: [`KexAlgorithms=${kex}`, `HostKeyAlgorithms=${hostKey}`, `Ciphers=${cipher}`, `MACs=${mac}`],
    });
    assert.equal(result.status, 5, `${kex} ${hostKey} ${cipher} ${mac}: ${result.stderr}`);
    assert.equal(sha256(result.stdout), sha256(input), `${kex} ${hostKey} ${cipher} ${mac}`);
  });
});

test('OpenSSH 10 with what it prefers, and ML-KEM', { skip: missing('openssh-10', 'nacre:sshd') }, async () => {
  const server = await startNacreServer();
  const result = await runSsh(server, ['echo hi'], { version: '10.0', flags: ['-v'] });
  assert.equal(result.stdout.toString(), 'hi\n', result.stderr);
  assert.match(result.stderr, /kex: algorithm: mlkem768x25519-sha256/);
});

test('what is not SSH does the server no harm', withSsh, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  for (const bytes of ['GET / HTTP/1.0\\r\\n\\r\\n', 'SSH-2.0-x\\r\\n\\x00\\x00\\x00\\x0c\\x0agarbage', '']) {
    await runProgram([
      'bash',
      '-c',
      `exec 3<>/dev/tcp/127.0.0.1/${server.port}; printf '${bytes}' >&3; timeout 2 cat <&3 | head -c 1000 >/dev/null`,
    ]);
  }
  assert.equal((await runSsh(server, ['true'])).status, 0);
});

test('ssh-audit finds nothing weak', { skip: missing('ssh-audit', 'nacre:sshd') }, async () => {
  const server = await startNacreServer();
  const result = await runProgram(['ssh-audit', '-n', '-p', String(server.port), '127.0.0.1']);
  // A further remark stands on a line of its own, below the algorithm it is about.
  const remarks = result.stdout
    .toString()
    .replaceAll(/\n +`-/g, ' `-')
    .split('\n');
  const lines = remarks.filter((line) => /\[(fail|warn)\]/.test(line));
  // Curves that are no more suspect than when everybody uses them, and what the tool is too old to know or calls new.
  const known = /nistp(256|384|521)|unknown algorithm|sntrup761x25519-sha512@openssh\.com/;
  assert.deepEqual(
    lines.filter((line) => !known.test(line)),
    [],
    result.stdout.toString(),
  );
  assert.match(result.stdout.toString(), /\(gen\) banner: SSH-2\.0-nacre/);
});

/** What the server offers, as OpenSSH's client reports it. */
async function offers(server: TestServer) {
  const { stderr } = await runProgram([openSshProgram('ssh'), ...clientOptions(server), '-vv', server.host, 'true']);
  const proposal = stderr.slice(stderr.indexOf('peer server KEXINIT proposal'));
  const list = (label: string) => (new RegExp(`${label}: (\\S+)`).exec(proposal)?.[1] ?? '').split(',');
  return {
    kex: list('KEX algorithms'),
    hostKey: list('host key algorithms'),
    cipher: list('ciphers stoc'),
    mac: list('MACs stoc'),
  };
}

/** Rows of one value a column, such that any two values of two columns meet in some row. */
function coverPairs(columns: readonly (readonly string[])[]): string[][] {
  const open = new Set<string>();
  for (const [i, first] of columns.entries()) {
    for (const [j, second] of columns.entries()) {
      if (i < j) for (const a of first) for (const b of second) open.add(`${i}:${a} ${j}:${b}`);
    }
  }
  const pairsOf = (row: readonly (string | undefined)[]) =>
    row.flatMap((a, i) =>
      row.flatMap((b, j) => (i < j && a !== undefined && b !== undefined ? [`${i}:${a} ${j}:${b}`] : [])),
    );
  const rows: string[][] = [];
  while (open.size > 0) {
    const [seed = ''] = open;
    const row: (string | undefined)[] = columns.map(() => undefined);
    for (const part of seed.split(' ')) row[Number(part[0])] = part.slice(2);
    for (const [i, values] of columns.entries()) {
      if (row[i] !== undefined) continue;
      const gain = (value: string) => pairsOf(row.with(i, value)).filter((pair) => open.has(pair)).length;
      row[i] = values.reduce((best, value) => (gain(value) > gain(best) ? value : best));
    }
    for (const pair of pairsOf(row)) open.delete(pair);
    rows.push(row as string[]);
  }
  return rows;
}

async function inTurns<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
