/** A program that closes its connections exits by itself, at once: nothing of ours holds it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fingerprint, formatPrivateKey } from '../keys/index.ts';
import { hostKey, listening, userKey } from './live.test.kit.ts';

// The same tests run from source and from what is built of it.
const library = new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js', import.meta.url).href;
const key = await formatPrivateKey(userKey, 'openssh');

/** Runs a script in a process of its own; gives its exit code, what it said, and how long it stayed after saying `done`. */
async function runScript(t: TestContext, port: number, body: string) {
  const script = `
    const { connect, createServer, generateKey, parsePrivateKey, pinnedHostKeys } = await import(${JSON.stringify(library)});
    const options = {
      hostKeys: pinnedHostKeys(${JSON.stringify(fingerprint(hostKey.publicKey))}),
      identities: [await parsePrivateKey(Buffer.from(${JSON.stringify(key)}))],
    };
    const target = 'ada@127.0.0.1:${port}';
    ${body}
    console.log('done');
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, SSH_AUTH_SOCK: undefined },
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  let doneAt = 0;
  const gather = (chunk: Buffer) => {
    output += chunk.toString();
    if (output.includes('done')) doneAt ||= performance.now();
  };
  child.stdout.on('data', gather);
  child.stderr.on('data', gather);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { code, output, stayedMs: performance.now() - doneAt };
}

const scripts: Record<string, string> = {
  'that closes its connection': `
    const connection = await connect(target, options);
    if ((await connection.exec('x')).stdout !== 'ran x') throw new Error('wrong output');
    await connection.close();`,
  'that closes in the middle of a command': `
    const connection = await connect(target, options);
    const session = await connection.spawn('x');
    await connection.close();`,
  'that uses keepalive and a time limit': `
    const connection = await connect(target, { ...options, keepalive: { intervalMs: 60_000 }, timeoutMs: 60_000 });
    await connection.exec('x', { timeoutMs: 60_000 });
    await connection.close();`,
  'whose login is refused': `
    await connect(target, { ...options, identities: [] }).then(() => { throw new Error('let in'); }, () => {});`,
  'whose host key policy refuses': `
    await connect(target, { ...options, hostKeys: pinnedHostKeys('SHA256:x') }).then(() => { throw new Error(); }, () => {});`,
  'that is thrown out by the server': `
    const connection = await connect(target, options);
    await connection.exec('throw me out').catch(() => {});
    if ((await connection.closed) === undefined) throw new Error('closed by ourselves?');`,
  'that ran a server': `
    const hostKey = await generateKey('ssh-ed25519');
    const server = createServer({ hostKeys: [hostKey], authenticate: { none: async () => true }, exec: async () => 3 });
    const { port } = await server.listen(0);
    const hostKeys = pinnedHostKeys(hostKey.publicKey);
    const connection = await connect('ada@127.0.0.1:' + port, { hostKeys, identities: [] });
    if ((await connection.exec('x')).status !== 3) throw new Error('wrong status');
    await server.close();
    await connection.closed;`,
};

test('a program exits by itself', { concurrency: 2 }, async (t) => {
  const { port } = await listening(t, {
    exec: async (command, { stdout, connection }) => {
      if (command === 'throw me out') void connection.close();
      stdout.write(`ran ${command}`);
    },
  });
  await Promise.all(
    Object.entries(scripts).map(([name, body]) =>
      t.test(name, async (each) => {
        const { code, output, stayedMs } = await runScript(each, port, body);
        assert.equal(output, 'done\n');
        assert.equal(code, 0);
        assert.ok(stayedMs < 1500, `it stayed ${Math.round(stayedMs)} ms`);
      }),
    ),
  );
});
