/** bin/ssh-keyscan beside OpenSSH's: the same lines for the same servers, and servers that are not what they should be. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  freePort,
  hostKey,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  requireProgram,
  requireSuccess,
  runProgram,
  startDropbear,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh-keyscan', 'openssh-10');
const ours = nacreProgram('ssh-keyscan');

interface Outcome {
  status: number | null;
  /** In order of their letters: which server answers first is chance. */
  lines: string[];
  complaints: Set<string>;
  seconds: number;
}

async function run(program: string, args: readonly string[], input?: string): Promise<Outcome> {
  const start = performance.now();
  const { status, stdout, stderr } = await runProgram([program, ...args], input === undefined ? {} : { input });
  const linesOf = (text: string) =>
    text
      .replaceAll('\r\n', '\n')
      .split('\n')
      .filter((line) => line !== '');
  return {
    status,
    lines: linesOf(stdout.toString('utf8')).sort(),
    // OpenSSH complains once for each type of key.
    complaints: new Set(linesOf(stderr)),
    seconds: (performance.now() - start) / 1000,
  };
}

/** Both give the same; what we gave. */
async function assertSame(args: readonly string[], input?: string): Promise<Outcome> {
  const theirs = openSshProgram('ssh-keyscan', '10.0');
  const [expected, actual] = [await run(theirs, args, input), await run(ours, args, input)];
  assert.deepEqual(
    { ...actual, seconds: 0 },
    { ...expected, seconds: 0 },
    `ssh-keyscan ${args.join(' ')}: ours is the first`,
  );
  return actual;
}

describe('real servers', { skip }, () => {
  let server: TestServer;
  before(async () => {
    server = await startOpenSshServer({ hostKeyTypes: ['rsa', 'ecdsa-384', 'ed25519'] });
  });
  const at = () => ['-p', String(server.port)];

  test('every type of key, a comment for each that is asked for', async () => {
    const { lines } = await assertSame([...at(), '127.0.0.1']);
    assert.equal(lines.length, 8);
    const keys = lines.filter((line) => !line.startsWith('#')).map((line) => line.split(' ').slice(1).join(' '));
    const expected = server.hostKeys.map(({ publicLine }) => publicLine.split(' ').slice(0, 2).join(' '));
    assert.deepEqual(keys, expected.sort());
  });

  test('one type, some types, types that the server has not', async () => {
    for (const types of ['ed25519', 'RSA,ecdsa', 'ed25519-sk', 'ssh-ed25519,ed25519', 'ecdsa-sk,rsa']) {
      await assertSame(['-t', types, ...at(), '127.0.0.1']);
    }
  });

  test('flags: -q, -D, -O, -4, -6 without an answer', async () => {
    await assertSame(['-q', ...at(), '127.0.0.1']);
    await assertSame(['-D', ...at(), '127.0.0.1']);
    for (const hash of ['sha1', 'sha256']) await assertSame(['-qD', '-O', `hashalg=${hash}`, ...at(), '127.0.0.1']);
    await assertSame(['-4', ...at(), 'localhost']);
    await assertSame(['-c', ...at(), '127.0.0.1']);
  });

  test('names for the output, ranges, operands with lists, names in capitals', async () => {
    await assertSame(['-t', 'ed25519', ...at(), '127.0.0.1 one.example,TWO.example', '127.0.0.1/32']);
    await assertSame(['-t', 'ed25519', ...at(), '127.0.0.1,localhost']);
    await assertSame(['-t', 'ed25519', ...at(), 'LocalHost 127.0.0.1,Alias']);
    // sshd listens on the first of them only.
    await assertSame(['-t', 'ed25519', ...at(), '127.0.0.0/30']);
    await assertSame(['-t', 'ed25519', ...at(), '127.0.0.1/24', '[127.0.0.1]:22']);
  });

  test('files and standard input with comments and blanks', async () => {
    const text = `# all of them\n\n127.0.0.1\tfirst,second # why\n  127.0.0.1 third\nlocalhost\n127.0.0.1/32 \n#127.0.0.2\n`;
    const file = join(makeFolder('keyscan'), 'hosts');
    writeFileSync(file, text);
    await assertSame(['-t', 'ed25519', ...at(), '-f', file]);
    await assertSame(['-t', 'ed25519', ...at(), '-f', '-'], text);
    await assertSame(['-t', 'ed25519', ...at(), '-f', file, '-f', '-', '127.0.0.1'], '127.0.0.1 last');
  });

  test('hashed names are found by ssh-keygen', async () => {
    const { lines, status } = await run(ours, ['-qH', ...at(), '127.0.0.1,other.example']);
    assert.equal(status, 0);
    assert.equal(lines.length, 6);
    assert.ok(lines.every((line) => line.startsWith('|1|')));
    const file = join(makeFolder('keyscan'), 'known_hosts');
    writeFileSync(file, `${lines.join('\n')}\n`);
    for (const host of ['127.0.0.1', 'other.example']) {
      const found = await requireSuccess([requireProgram('ssh-keygen'), '-F', `[${host}]:${server.port}`, '-f', file]);
      assert.equal(found.split('\n').filter((line) => line.startsWith('|1|')).length, 3);
    }
  });

  test('what comes out is what ssh trusts', async () => {
    const { lines } = await run(ours, ['-q', ...at(), '127.0.0.1']);
    const known = readFileSync(server.knownHostsFile, 'utf8');
    assert.deepEqual(lines, known.split('\n').filter(Boolean).sort());
  });

  test('host certificates with -c', async () => {
    const [ca, key] = [await hostKey('ecdsa-256'), await hostKey('ed25519')];
    await requireSuccess([
      ...[requireProgram('ssh-keygen'), '-q', '-s', ca.file, '-I', 'host', '-h', '-n', 'a.example', `${key.file}.pub`],
    ]);
    const certified = await startOpenSshServer({
      hostKeyTypes: ['ed25519', 'rsa'],
      config: [`HostCertificate ${key.file}-cert.pub`],
    });
    const { lines } = await assertSame(['-c', '-p', String(certified.port), '127.0.0.1']);
    assert.equal(lines.filter((line) => line.startsWith('ssh-ed25519-cert-v01@openssh.com ')).length, 1);
    await certified.stop();
  });

  test('IPv6', async (context) => {
    const port = await freePort();
    const here = createServer();
    const hasIPv6 = await new Promise<boolean>((resolve) => {
      here.once('error', () => resolve(false)).listen(0, '::1', () => here.close(() => resolve(true)));
    });
    if (!hasIPv6) return context.skip('this machine has no ::1');
    const other = await startOpenSshServer({ config: [`ListenAddress [::1]:${port}`], hostKeyTypes: ['ed25519'] });
    await other.waitForLog(/Server listening on ::1 port/);
    await assertSame(['-t', 'ed25519', '-p', String(port), '::1', '0::1/128']);
    await assertSame(['-6', '-t', 'ed25519', '-p', String(port), '::1']);
    await other.stop();
  });

  test('our own sshd', async () => {
    const own = await startNacreServer();
    const { lines } = await assertSame(['-p', String(own.port), '127.0.0.1']);
    assert.equal(lines.filter((line) => !line.startsWith('#')).length, 3);
    await own.stop();
  });

  test('dropbear', { skip: missing('dropbear', 'root') }, async () => {
    const own = await startDropbear();
    // It takes five connections at once that are not logged in, and OpenSSH would open as many as there are types.
    const { lines } = await assertSame(['-t', 'rsa,ecdsa,ed25519', '-p', String(own.port), '127.0.0.1']);
    assert.ok(lines.filter((line) => !line.startsWith('#')).length >= 2);
    await own.stop();
  });

  test('more hosts than files may be open', async () => {
    const hosts = Array.from({ length: 150 }, (_, i) => `127.0.0.1 name${i}`);
    const command = ['-c', 'ulimit -n 48; exec "$0" "$@"', ours, '-q', '-t', 'ed25519', ...at(), '-f', '-'];
    const { status, lines } = await run(requireProgram('bash'), command, hosts.join('\n'));
    assert.deepEqual([status, lines.length], [0, 150]);
  });

  test('servers that have only one key exchange method', async () => {
    const methods = [
      'sntrup761x25519-sha512@openssh.com',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group-exchange-sha256',
    ];
    for (const method of [...methods, 'diffie-hellman-group14-sha1']) {
      const picky = await startOpenSshServer({ config: [`KexAlgorithms ${method}`], hostKeyTypes: ['ed25519', 'rsa'] });
      const { lines } = await run(ours, ['-q', '-p', String(picky.port), '127.0.0.1']);
      assert.equal(lines.length, 2, method);
      await picky.stop();
    }
  });

  after(() => server.stop());
});

describe('servers that are none', { skip }, () => {
  const servers: Server[] = [];
  const timers: NodeJS.Timeout[] = [];
  /** What it does with each connection; the port it listens on. */
  function listen(serve: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      serve(socket);
    });
    servers.push(server);
    return new Promise((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
  }
  const every = (ms: number, act: () => void) => timers.push(setInterval(act, ms));
  after(() => {
    for (const timer of timers) clearInterval(timer);
    for (const server of servers) server.close();
  });

  const scan = async (serve: (socket: Socket) => void): Promise<Outcome> =>
    run(ours, ['-T', '1', '-p', String(await listen(serve)), '127.0.0.1']);

  test('a closed port and an unknown name', async () => {
    await assertSame(['-p', String(await freePort()), '127.0.0.1']);
    await assertSame(['name.invalid']);
  });

  test('one that hangs up', async () => {
    await assertSame(['-p', String(await listen((socket) => void socket.end())), '127.0.0.1']);
  });

  test('one that says nothing is given up in time', async () => {
    const { seconds, ...rest } = await scan(() => {});
    assert.deepEqual(rest, { status: 1, lines: [], complaints: new Set() });
    assert.ok(seconds > 0.9 && seconds < 4, `${seconds} s`);
  });

  test('one that drips its identification a byte at a time', async () => {
    const { seconds, status, lines } = await scan((socket) => every(200, () => void socket.write('S')));
    assert.deepEqual([status, lines], [1, []]);
    assert.ok(seconds < 4, `${seconds} s`);
  });

  test('one that greets and then drips', async () => {
    const { seconds, status, lines } = await scan((socket) => {
      socket.write('SSH-2.0-drip\r\n');
      every(200, () => void socket.write('\0'));
    });
    assert.equal(status, 1);
    assert.equal(lines.length, 5);
    assert.ok(seconds < 5, `${seconds} s`);
  });

  test('one that babbles without end', async () => {
    for (const text of ['x'.repeat(1000), 'a line\r\n'.repeat(100), 'SSH-2.0-'.padEnd(5000, 'y')]) {
      const { seconds, status, lines, complaints } = await scan((socket) => {
        every(1, () => socket.writableLength < 100_000 && socket.write(text));
      });
      assert.deepEqual([status, lines], [1, []]);
      assert.match([...complaints].join('\n'), /^127\.0\.0\.1: bad greeting: /);
      assert.ok(seconds < 4, `${seconds} s`);
    }
  });

  test('one that sends garbage as packets; what it calls itself cannot reach the terminal', async () => {
    const { status, lines, complaints } = await scan((socket) => {
      socket.write('SSH-2.0-\x1b[2Jevil\r\n');
      socket.write(Buffer.alloc(200, 0xff));
    });
    assert.equal(status, 1);
    assert.ok(lines.every((line) => /^# 127\.0\.0\.1:\d+ SSH-2\.0-\\033\[2Jevil$/.test(line)));
    assert.match([...complaints].join('\n'), /^127\.0\.0\.1: bad key exchange: /);
  });

  test('none of them delays the others', async () => {
    const good = await startOpenSshServer({ hostKeyTypes: ['ed25519'] });
    // A hundred addresses where nobody speaks, and a good one behind them, all on one port.
    const hosts = Array.from({ length: 100 }, (_, i) => `127.0.1.${i + 1}`);
    for (const host of hosts) {
      const quiet = createServer((socket) => void socket.on('error', () => {}));
      servers.push(quiet);
      await new Promise<void>((resolve) => quiet.listen(good.port, host, resolve));
    }
    const args = ['-T', '2', '-q', '-p', String(good.port), ...hosts, '127.0.0.1'];
    const { status, lines, seconds } = await run(ours, args);
    assert.deepEqual([status, lines.length], [0, 1]);
    assert.ok(seconds < 5, `${seconds} s`);
    await good.stop();
  });
});

test('wrong arguments', { skip }, async () => {
  const wrong = [
    [],
    ['-z'],
    ['-t'],
    ['-p', 'x', 'h'],
    ['-p', '0', 'h'],
    ['-p', '65536', 'h'],
    ['-T', '0', 'h'],
    ['-T', '1x', 'h'],
    ['-t', 'dsa', 'h'],
    ['-t', 'ed25519,foo', 'h'],
    ['-O', 'x', 'h'],
    ['-O', 'hashalg=crc', 'h'],
    ['-f', '/does/not/exist'],
    ['-vvvv', 'h'],
    ['-q'],
  ];
  for (const args of wrong) await assertSame(args);
});
