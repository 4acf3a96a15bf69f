import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const source = new URL(import.meta.url.endsWith('.ts') ? './print.ts' : './print.js', import.meta.url).href;

function start(script: string): ReturnType<typeof spawn> {
  const code = `import { print } from ${JSON.stringify(source)}; ${script}`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
}

test('all of it is there, however slow the reader, though the program ends at once', async () => {
  // Node makes its own end of the pipe non-blocking for both, so the writer finds no room again and again.
  const child = start(`
    import { Socket } from 'node:net';
    new Socket({ fd: 1, readable: false });
    print('head ');
    print(Buffer.alloc(3_000_000, 'x'));
    process.exit(0);`);
  const { stdout } = child;
  assert.ok(stdout !== null);
  await new Promise((resolve) => setTimeout(resolve, 300));
  let text = '';
  for await (const chunk of stdout) text += String(chunk);
  assert.equal(text.length, 3_000_005);
  assert.ok(text.startsWith('head xx'));
});

test('nobody reads any more: an error that says so', async () => {
  const child = start(`
    setTimeout(() => {
      try {
        print(Buffer.alloc(3_000_000));
      } catch (error) {
        console.error(error.code, error.syscall);
      }
    }, 100);`);
  child.stdout?.destroy();
  let text = '';
  child.stderr?.on('data', (chunk) => {
    text += String(chunk);
  });
  await once(child, 'close');
  assert.equal(text.trim(), 'EPIPE write');
});
