/** Over a long path: what goes ahead of answers, to OpenSSH's servers and ours, and that nothing else changes by it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import {
  createSystemUser,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  startAgent,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
  writeKnownHosts,
} from '../harness/index.ts';

const oneWayMs = 40;
const sockets = new Set<Socket>();
after(() => {
  for (const socket of sockets) socket.destroy();
});

/** The same server behind a relay that holds everything back for a while, each way. */
async function farFrom(t: TestContext, server: TestServer): Promise<TestServer> {
  const relay = createServer((near) => {
    const far = connect(server.port, server.host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.setNoDelay();
      one.on('error', () => other.destroy());
      one.on('data', (bytes) => setTimeout(() => other.writable && other.write(bytes), oneWayMs));
      one.on('end', () => setTimeout(() => other.end(), oneWayMs));
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  t.after(() => relay.close());
  const { port } = relay.address() as { port: number };
  return { ...server, port, knownHostsFile: writeKnownHosts(makeFolder('far'), port, server.hostKeys) };
}

const servers = [
  { name: 'OpenSSH 9.2', needs: 'sshd', start: () => startOpenSshServer() },
  {
    name: 'OpenSSH 10',
    needs: 'openssh-10',
    start: () => startOpenSshServer({ version: '10.0' }),
  },
  {
    name: 'bin/sshd',
    needs: 'nacre:sshd',
    start: () => startNacreServer({ config: ['Subsystem sftp internal-sftp'] }),
  },
] as const;

function optionsFor(server: TestServer, ...more: string[]): string[] {
  const given = [
    `UserKnownHostsFile=${server.knownHostsFile}`,
    'GlobalKnownHostsFile=/dev/null',
    'IdentitiesOnly=yes',
    `Port=${server.port}`,
    ...more,
  ];
  return ['-F', '/dev/null', ...given.flatMap((option) => ['-o', option])];
}

const env = { SSH_AUTH_SOCK: undefined };

/** How many login requests left before the first answer came. */
function requestsAhead(log: string): number {
  const [before = ''] = log.split('receive packet: type 51');
  return before.split('send packet: type 50').length - 1;
}

for (const { name, needs, start } of servers) {
  const skip = missing('nacre:ssh', 'nacre:sftp', needs);

  test(`${name}: a key is proved behind "none"; one of an agent's is asked about there`, { skip }, async (t) => {
    const server = await farFrom(t, await start());
    const login = [`User=${server.user}`, 'BatchMode=yes'];
    const run = (more: string[], runEnv: Record<string, string | undefined> = env) =>
      runProgram([nacreProgram('ssh'), ...optionsFor(server, ...login, ...more), '-vvv', server.host, 'echo in'], {
        env: runEnv,
      });
    const proved = await run([`IdentityFile=${server.identity.file}`]);
    assert.equal(proved.stdout.toString(), 'in\n', proved.stderr);
    assert.equal(requestsAhead(proved.stderr), 2);
    assert.equal(proved.stderr.split('send packet: type 50').length - 1, 2, 'none and a signature');
    assert.match(proved.stderr, /Offering public key: .*Server accepts key: .*Authenticated to/s);
    const agent = await startAgent();
    await requireSuccess(['ssh-add', '-q', server.identity.file], { env: { SSH_AUTH_SOCK: agent } });
    const asked = await run([`IdentityFile=${server.identity.file}`], { SSH_AUTH_SOCK: agent });
    assert.equal(asked.stdout.toString(), 'in\n', asked.stderr);
    assert.equal(requestsAhead(asked.stderr), 2);
    assert.equal(asked.stderr.split('send packet: type 50').length - 1, 3, 'none, a question and a signature');
    // A key that the server does not know, and then one that it does.
    const stranger = await makeKey();
    const second = await run([`IdentityFile=${stranger.file}`, `IdentityFile=${server.identity.file}`]);
    assert.equal(second.stdout.toString(), 'in\n', second.stderr);
    const refused = await run([`IdentityFile=${stranger.file}`]);
    assert.equal(refused.status, 255);
    assert.match(refused.stderr, /Permission denied \(publickey/);
  });

  test(`${name}: sftp's first command, asked with the greeting`, { skip }, async (t) => {
    const near = await start();
    const server = await farFrom(t, near);
    const folder = makeFolder('files');
    const other = makeFolder('other');
    const content = Buffer.alloc(3_000_000, 'content of some length ');
    writeFileSync(join(folder, 'there'), content);
    const run = async (batch: string, program = nacreProgram('sftp'), to = server) => {
      const file = join(folder, 'batch');
      writeFileSync(file, batch);
      const login = [`User=${to.user}`, `IdentityFile=${to.identity.file}`];
      const options = optionsFor(to, ...login);
      const result = await runProgram([program, ...options, '-b', file, to.host], { env });
      return { status: result.status, stdout: result.stdout.toString(), stderr: result.stderr };
    };
    const batches = [
      `get ${folder}/there ${folder}/got\n`,
      `# first of all\n\nput ${folder}/there ${folder}/put\nls -1 ${folder}/put\n`,
      `put ${folder}/there ${other}\n`,
      `get ${folder}/none ${folder}/got\n`,
      `-get ${folder}/none ${folder}/got\nget ${folder}/there ${folder}/got\n`,
      `put ${folder}/there ${folder}/none/put\n`,
      `get ${folder} ${folder}/got\n`,
      `rm ${folder}/put\nput ${folder}/there ${folder}/put\n`,
    ];
    for (const batch of batches) {
      const ours = await run(batch);
      assert.deepEqual(ours, await run(batch, openSshProgram('sftp'), near), batch);
    }
    for (const copy of [join(folder, 'got'), join(folder, 'put'), join(other, 'there')]) {
      assert.ok(readFileSync(copy).equals(content), copy);
    }
  });
}

test('an account without a password: OpenSSH lets "none" in, and a key that comes behind it does no harm', {
  skip: missing('root', 'nacre:ssh', 'sshd'),
}, async (t) => {
  const user = await createSystemUser();
  await requireSuccess(['passwd', '-q', '-d', user.name]);
  const config = ['PermitEmptyPasswords yes', 'PasswordAuthentication yes', 'UsePAM no', `AllowUsers ${user.name}`];
  for (const version of ['9.2', '10.0'] as const) {
    if (version === '10.0' && missing('openssh-10')) continue;
    const server = await farFrom(t, await startOpenSshServer({ version, config }));
    const login = [`User=${user.name}`, `IdentityFile=${server.identity.file}`, 'BatchMode=yes'];
    const argv = [nacreProgram('ssh'), ...optionsFor(server, ...login), '-vvv', server.host, 'id -un; cat'];
    const result = await runProgram(argv, { env, input: 'what was sent' });
    assert.equal(result.stdout.toString(), `${user.name}\nwhat was sent`, result.stderr);
    assert.match(result.stderr, /using "none"/);
    const [before = ''] = result.stderr.split('Authenticated to');
    assert.equal(before.split('send packet: type 50').length - 1, 2, result.stderr);
  }
});
