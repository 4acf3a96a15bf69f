/** bin/sshd and the clients of other makers: each logs in by key and, where that is simple, by password, and runs a command. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { AuthenticatedSSHClient, AuthFailure, SSHClient } from 'russh';
import ssh2 from 'ssh2';
import {
  createSystemUser,
  dbclientCommand,
  debianPython,
  keyTypes,
  makeFolder,
  missing,
  type OpenSshVersion,
  openSshProgram,
  puttyCommand,
  requireProgram,
  runProgram,
  runSsh,
  startNacreServer,
  type TestServer,
} from '../harness/index.ts';

/** What every client runs: input back on standard output, a line on standard error, a status of its own. */
const command = 'cat; echo err >&2; exit 7';
const input = 'over there\n';
/** Every byte there is, many times over: nothing may be changed on the way. */
const allBytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
const bulkCommand =
  'for i in $(seq 2000); do printf "' +
  [...allBytes].map((byte) => `\\\\${byte.toString(8).padStart(3, '0')}`).join('') +
  '"; done';
const bulk = Buffer.concat(Array<Buffer>(2000).fill(allBytes));

const whole = await startNacreServer({ hostKeyTypes: keyTypes, config: ['MaxStartups 50'] });

for (const version of ['9.2', '10.0'] satisfies OpenSshVersion[]) {
  test(`OpenSSH ${version}`, { skip: missing(version === '9.2' ? 'ssh' : 'openssh-10', 'nacre:sshd') }, async () => {
    const result = await runSsh(whole, [command], { version, input });
    assert.deepEqual([result.stdout.toString(), result.stderr, result.status], [input, 'err\n', 7]);
    const much = await runSsh(whole, [bulkCommand], { version });
    assert.ok(much.stdout.equals(bulk));
    assert.ok(openSshProgram('ssh', version));
  });
}

test('plink', { skip: missing('plink', 'puttygen', 'nacre:sshd') }, async () => {
  const result = await runProgram(await puttyCommand(whole, [whole.host, command]), { input });
  assert.deepEqual([result.stdout.toString(), result.status], [input, 7], result.stderr);
  assert.match(result.stderr, /^err$/m);
  const much = await runProgram(await puttyCommand(whole, [whole.host, bulkCommand]));
  assert.ok(much.stdout.equals(bulk), `${much.stdout.length} bytes`);
});

test('dbclient', { skip: missing('dbclient', 'dropbearconvert', 'nacre:sshd') }, async () => {
  const { argv, env } = await dbclientCommand(whole, [command], { folder: makeFolder(), flags: ['-y'] });
  const result = await runProgram(argv, { input, ...(env && { env }) });
  assert.deepEqual([result.stdout.toString(), result.status], [input, 7], result.stderr);
  assert.match(result.stderr, /^err$/m);
});

const paramiko = `
import sys, json, paramiko
a = json.load(sys.stdin)
c = paramiko.SSHClient()
c.load_host_keys(a['knownHosts'])
c.set_missing_host_key_policy(paramiko.RejectPolicy())
login = {'key_filename': a['key']} if 'key' in a else {'password': a['password']}
c.connect(a['host'], a['port'], a['user'], allow_agent=False, look_for_keys=False, **login)
i, o, e = c.exec_command(a['command'])
i.write(a['input']); i.channel.shutdown_write()
out, err = o.read().decode(), e.read().decode()
print(json.dumps([out, err, o.channel.recv_exit_status()]))
c.close()
`;

const asyncssh = `
import sys, json, asyncio, warnings
warnings.simplefilter('ignore')
import asyncssh
a = json.load(sys.stdin)
async def main():
    login = {'client_keys': [a['key']]} if 'key' in a else {'password': a['password'], 'client_keys': None}
    async with asyncssh.connect(a['host'], a['port'], username=a['user'], known_hosts=a['knownHosts'], agent_path=None, config=None, **login) as c:
        r = await c.run(a['command'], input=a['input'])
        print(json.dumps([r.stdout, r.stderr, r.exit_status]))
asyncio.run(main())
`;

async function runPython(
  script: string,
  server: TestServer,
  login: { key: string } | { password: string },
): Promise<unknown> {
  const { host, port, user, knownHostsFile: knownHosts } = server;
  const request = JSON.stringify({ host, port, user, knownHosts, command, input, ...login });
  const result = await runProgram([debianPython, '-W', 'ignore', '-c', script], { input: request });
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout.toString());
}

for (const [name, script] of [
  ['paramiko', paramiko],
  ['asyncssh', asyncssh],
] as const) {
  test(name, { skip: missing(`python3:${name}`, 'nacre:sshd') }, async () => {
    assert.deepEqual(await runPython(script, whole, { key: whole.identity.file }), [input, 'err\n', 7]);
  });
}

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | undefined;
}

function runSsh2(server: TestServer, login: object, run: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on('error', reject);
    client.on('ready', () => {
      client.exec(run, (error, channel) => {
        if (error !== undefined) return reject(error);
        const parts = { stdout: '', stderr: '' };
        let status: number | undefined;
        channel.on('data', (chunk: Buffer) => {
          parts.stdout += chunk.toString('latin1');
        });
        channel.stderr.on('data', (chunk: Buffer) => {
          parts.stderr += chunk.toString();
        });
        channel.on('exit', (code: number) => {
          status = code;
        });
        channel.on('close', () => {
          client.end();
          resolve({ ...parts, status });
        });
        channel.end(input);
      });
    });
    client.connect({ host: server.host, port: server.port, username: server.user, ...login });
  });
}

test('ssh2', { skip: missing('nacre:sshd') }, async (t) => {
  const privateKey = readFileSync(whole.identity.file);
  assert.deepEqual(await runSsh2(whole, { privateKey }, command), { stdout: input, stderr: 'err\n', status: 7 });
  const much = await runSsh2(whole, { privateKey }, bulkCommand);
  assert.equal(much.stdout, bulk.toString('latin1'));

  await t.test('a name made to write lines into the log', async () => {
    const user = 'x\nAccepted password for root from 192.0.2.9 port 5 ssh2\r\x1b[2J';
    await assert.rejects(runSsh2({ ...whole, user }, { privateKey }, 'true'));
    await whole.waitForLog(/Invalid user x\\012Accepted\\040password/);
    assert.doesNotMatch(whole.log(), /^Accepted password/m);
    assert.ok(!whole.log().includes('\x1b'));
  });
});

type RusshLogin = (client: SSHClient, russh: typeof import('russh')) => Promise<AuthenticatedSSHClient | AuthFailure>;

/** Its Node package tells no exit status. */
async function runRussh(server: TestServer, login: RusshLogin): Promise<Omit<Outcome, 'status'>> {
  const russh = await import('russh');
  const transport = await russh.SshTransport.newSocket(`${server.host}:${server.port}`);
  const client = await login(await russh.SSHClient.connect(transport, () => Promise.resolve(true)), russh);
  if (!(client instanceof russh.AuthenticatedSSHClient)) throw new Error('russh was not let in');
  const channel = await client.activateChannel(await client.openSessionChannel());
  let [stdout, stderr] = ['', ''];
  channel.data$.subscribe((chunk) => {
    stdout += Buffer.from(chunk).toString();
  });
  channel.extendedData$.subscribe(([, chunk]) => {
    stderr += Buffer.from(chunk).toString();
  });
  const closed = new Promise<void>((resolve) => channel.closed$.subscribe(() => resolve()));
  await channel.requestExec(command);
  await channel.write(Buffer.from(input));
  await channel.eof();
  await closed;
  await client.disconnect();
  return { stdout, stderr };
}

test('russh', { skip: missing('nacre:sshd') }, async () => {
  const text = readFileSync(whole.identity.file, 'utf8');
  const result = await runRussh(whole, async (client, russh) =>
    client.authenticateWithKeyPair(whole.user, await russh.KeyPair.parse(text), null),
  );
  assert.deepEqual(result, { stdout: input, stderr: 'err\n' });
});

test('by password', { skip: missing('nacre:sshd', 'root', 'useradd') }, async (t) => {
  const user = await createSystemUser();
  const running = await startNacreServer({
    hostKeyTypes: keyTypes,
    config: ['PasswordAuthentication yes', 'MaxStartups 50'],
  });
  const server = { ...running, user: user.name };
  const { password } = user;
  await t.test('plink', { skip: missing('plink') }, async () => {
    const pins = server.hostKeys.flatMap(({ fingerprint }) => ['-hostkey', fingerprint]);
    const argv = [
      requireProgram('plink'),
      '-batch',
      '-P',
      String(server.port),
      '-l',
      user.name,
      '-pw',
      password,
      ...pins,
    ];
    const result = await runProgram([...argv, server.host, command], { input });
    assert.deepEqual([result.stdout.toString(), result.status], [input, 7], result.stderr);
  });
  await t.test('dbclient', { skip: missing('dbclient', 'dropbearconvert') }, async () => {
    const { argv, env } = await dbclientCommand(server, [command], { folder: makeFolder(), flags: ['-y'] });
    // A key that is in no file of this user's comes first, then the password.
    const result = await runProgram(argv, { input, env: { ...env, DROPBEAR_PASSWORD: password } });
    assert.deepEqual([result.stdout.toString(), result.status], [input, 7], result.stderr);
  });
  for (const [name, script] of [
    ['paramiko', paramiko],
    ['asyncssh', asyncssh],
  ] as const) {
    await t.test(name, { skip: missing(`python3:${name}`) }, async () => {
      assert.deepEqual(await runPython(script, server, { password }), [input, 'err\n', 7]);
    });
  }
  await t.test('ssh2, and what it sees of a wrong one', async () => {
    assert.equal((await runSsh2(server, { password }, command)).status, 7);
    assert.equal((await runSsh2(server, { password, tryKeyboard: true }, command)).status, 7);
    await assert.rejects(runSsh2(server, { password: `${password}x` }, command), /authentication methods failed/);
    await assert.rejects(
      runSsh2({ ...server, user: 'no-such-user' }, { password }, command),
      /authentication methods failed/,
    );
    await server.waitForLog(/Failed password for invalid user no-such-user from 127\.0\.0\.1 port \d+ ssh2/);
  });
  await t.test('russh', async () => {
    const result = await runRussh(server, (client) => client.authenticateWithPassword(user.name, password));
    assert.deepEqual(result, { stdout: input, stderr: 'err\n' });
  });
});
