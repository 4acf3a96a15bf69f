/** The fuzzer finds the faults it is there to find, and makes the same inputs from the same seed. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeInput } from './mutate.ts';
import { Random } from './random.ts';
import { type FuzzRun, fuzzTarget } from './run.ts';

async function runTarget(target: string, options: Partial<FuzzRun> = {}) {
  const crashFolder = mkdtempSync(join(tmpdir(), 'nacre-fuzz-'));
  const lines: string[] = [];
  try {
    const passed = await fuzzTarget({
      target,
      table: new URL('./run.test.targets.js', import.meta.url).href,
      seed: 1,
      milliseconds: 1500,
      seedsFolder: crashFolder,
      crashFolder,
      print: (line) => lines.push(line),
      ...options,
    });
    const crashes = readdirSync(crashFolder).map((name) => readFileSync(join(crashFolder, name)));
    return { passed, text: lines.join('\n'), crashes };
  } finally {
    rmSync(crashFolder, { recursive: true });
  }
}

test('a sound parser passes', async () => {
  const { passed, text, crashes } = await runTarget('sound', { milliseconds: 200 });
  assert.equal(passed, true, text);
  assert.match(text, /^ok {4} {2}sound {2}\d+ inputs/);
  assert.deepEqual(crashes, []);
});

test('a read beyond the bytes is found, saved, and found again in the saved input', async () => {
  const { passed, text, crashes } = await runTarget('reads-beyond');
  assert.equal(passed, false);
  assert.match(text, /^FAILED {2}reads-beyond: RangeError/);
  const [crash] = crashes;
  assert.ok(crash !== undefined && crash.length < 12);
  const iteration = Number(/iteration (\d+)/.exec(text)?.[1]);
  const again = await runTarget('reads-beyond', { iteration });
  assert.deepEqual(again.crashes, [crash]);
});

test('an allocation from an unchecked length is found', async () => {
  const { passed, text } = await runTarget('trusts-length');
  assert.equal(passed, false);
  assert.match(text, /Buffer\.alloc\(\d+\): an allocation from an unchecked length/);
});

test('an input that hangs is found and named', async () => {
  const { passed, text } = await runTarget('hangs', { maxInputMs: 300 });
  assert.equal(passed, false);
  assert.match(text, /runs for more than 300 ms/);
  assert.match(text, /--target hangs --seed 1 --iteration \d+/);
});

test('a rejection with another error is found', async () => {
  const { passed, text } = await runTarget('rejects');
  assert.equal(passed, false);
  assert.match(text, /TypeError: not an SshError/);
});

test('the same seed and iteration make the same input, others make others', () => {
  const seeds = [Buffer.from('\0\0\0\x04abcd', 'latin1'), Buffer.from('another seed')];
  const inputs = Array.from({ length: 500 }, (_, i) => makeInput(new Random(9, i), seeds).toString('hex'));
  const again = Array.from({ length: 500 }, (_, i) => makeInput(new Random(9, i), seeds).toString('hex'));
  assert.deepEqual(again, inputs);
  assert.ok(new Set(inputs).size > 350);
  assert.equal(seeds[1]?.toString(), 'another seed', 'the seeds stay as they are');
});
