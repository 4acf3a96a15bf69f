/** What clients of our master may pass: anything at all, and nobody but themselves is the worse for it. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { missing, root, runProgram, runSsh, startProgram } from '../harness/index.ts';
import { assertNoLeaks, startPair } from './_passengers.ts';
import { command, env, pidOf, sharedServer } from './_shared.ts';

const skip = missing('nacre:ssh', 'sshd', 'ssh', 'python3') || (process.platform !== 'linux' && 'reads /proc');
const script = join(root, 'test', 'interop', 'mux-passengers.py');
const session = 'opened, exit 5';
const cutOff = 'refused did not receive file descriptors';

/** What each client hears. */
const cases: Readonly<Record<string, string>> = {
  plain: session,
  'in one write': `alive, ${session}`,
  early: session,
  none: cutOff,
  'three in one': cutOff,
  many: cutOff,
  'second has two': cutOff,
  'two of three': cutOff,
  'none and gone': cutOff,
  silent: cutOff,
  'half a request': 'closed',
  'half a head': 'closed',
  garbage: 'closed',
  'garbage with descriptors': 'closed',
  'too long': 'closed',
  'large environment': 'refused the environment is too large',
  twice: 'refused Multiple sessions not supported',
  folder: session,
  'wrong way': session,
  'only a name': session,
  'things of the kernel': session,
  datagrams: session,
  'unix datagrams': session,
  listening: session,
  'not connected': session,
  'a pty master': session,
  'a terminal that hung up': session,
  'a silent pipe': session,
  'a full device': session,
  'a socket': session,
  'a full pipe': 'gone',
  killed: 'gone',
  'its own end': 'gone',
  lingering: 'gone',
};

test('whatever is passed, the master goes on, and keeps none of it', { skip }, async (t) => {
  const { path, leaks, pid } = await startPair(t);
  const other = startProgram(await command('ours', ['-S', path], ['echo begun; read x; echo over; exec sleep 60']), {
    env,
  });
  t.after(() => other.stop());
  await other.waitForLog(/begun/);
  const known = new Set(leaks());
  // Nobody reads at this one's connections.
  const deaf = createServer({ pauseOnConnect: true }, (socket) => t.after(() => socket.destroy()));
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  t.after(() => deaf.close());
  const port = String((deaf.address() as AddressInfo).port);
  await Promise.all(
    Object.entries(cases).map(async ([name, expected]) => {
      const { stdout, stderr } = await runProgram(['python3', script, path, name, port]);
      assert.equal(stdout.toString().trim(), expected, `${name}: ${stderr}`);
    }),
  );
  const last = await runSsh(await sharedServer(), ['cat; exit 4'], { flags: ['-S', path], input: 'still' });
  assert.deepEqual([last.stdout.toString(), last.stderr, last.status], ['still', '', 4]);
  assert.equal(await pidOf(path), pid);
  await assertNoLeaks(() => leaks().filter((file) => !known.has(file)));
});
