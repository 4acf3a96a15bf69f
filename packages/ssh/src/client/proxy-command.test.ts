import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { isError, listening } from './live.test.kit.ts';
import { startProxyCommand } from './proxy-command.ts';

const options = { shell: '/bin/sh', stderr: 'ignore' } as const;

/** A program that carries bytes to a port of this machine. */
function carry(port: number): string {
  const script = `const s=require("net").connect(${port},"127.0.0.1");process.stdin.pipe(s).pipe(process.stdout)`;
  return `"${process.execPath}" -e '${script}'`;
}

test('a connection through a program', async (t) => {
  const { port, connect } = await listening(t);
  const stream = startProxyCommand(carry(port), options);
  const client = await connect({ stream });
  assert.equal((await client.exec('uptime')).stdout, 'ran uptime');
  const closed = once(stream, 'close');
  await client.close();
  await closed;
});

test('a program that cannot run, or ends at once, is a connection that failed', async (t) => {
  const { connect } = await listening(t);
  const broken = startProxyCommand('/nonexistent/program', options);
  await assert.rejects(connect({ stream: broken }), isError('connection-lost'));
  const noShell = startProxyCommand('true', { ...options, shell: '/nonexistent/shell' });
  const [error] = (await once(noShell, 'error')) as [unknown];
  assert.ok(isError('connect-failed', 'tcp')(error));
});

test('both directions carry much, and half-close', async () => {
  const stream = startProxyCommand('cat', options);
  const sent = Buffer.alloc(5_000_000, 'x');
  stream.end(sent);
  let received = 0;
  for await (const chunk of stream) received += (chunk as Buffer).length;
  assert.equal(received, sent.length);
});
