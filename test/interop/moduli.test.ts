/** ssh-keygen -M beside OpenSSH's: each screens the other's candidates, and takes the other's moduli. */
import assert from 'node:assert/strict';
import { generatePrimeSync } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  findProgram,
  makeFolder,
  missing,
  nacreProgram,
  openSsh10Folder,
  type ProgramResult,
  runProgram,
} from '../harness/index.ts';

const skip = missing('ssh-keygen', 'openssh-10', 'nacre:ssh-keygen');
const theirs = join(openSsh10Folder, 'usr', 'bin', 'ssh-keygen');
const ninth = findProgram('ssh-keygen') ?? 'ssh-keygen';
const ours = nacreProgram('ssh-keygen');
const folder = makeFolder('moduli');
let made = 0;

function fresh(): string {
  return join(folder, `file-${++made}`);
}

/** Candidates: q of safe primes with each generator, primes q of which 2q + 1 is none, composites, and lines that count for nothing. */
const halves = [
  { add: 24n, rem: 11n },
  { add: 60n, rem: 23n },
  { add: 120n, rem: 119n },
].map((wanted) => generatePrimeSync(512, { safe: true, bigint: true, ...wanted }) >> 1n);
const line = (q: bigint, size = 510): string => `20261122202210 4 2 1000 ${size} 0 ${q.toString(16).toUpperCase()}`;
const [first = 0n] = halves;
const candidates = [
  '# Time Type Tests Tries Size Generator Modulus',
  line(first),
  line(first + 12n),
  line(first).replace(' 4 2 ', ' 4 3 '),
  ...halves.slice(1).map((q) => line(q)),
  line(first, 509),
  '',
  ...Array.from({ length: 12 }, (_, at) => line(first + 24n * BigInt(at + 1))),
  line(first).replace(/^\d+ 4 2 1000 510 0 .*/, `20261122202210 2 6 100 511 2 ${(2n * first + 1n).toString(16)}`),
];
const input = fresh();
writeFileSync(input, `${candidates.join('\n')}\n`);

/** Without the times. */
function moduli(file: string): string[] {
  return readFileSync(file, 'latin1')
    .trimEnd()
    .split('\n')
    .map((text) => text.slice(14));
}

function words({ status, stdout, stderr }: ProgramResult) {
  const said = stderr
    .replaceAll('\r', '')
    .replace(/^\w{3} \w{3} .{16} Found/gm, 'Found')
    .replace(/in \d+ seconds/g, 'in N seconds');
  return { status, stdout: stdout.toString(), stderr: said };
}

async function screenBoth(...flags: string[]): Promise<[string, string]> {
  const [one, two] = [fresh(), fresh()];
  const [expected, actual] = await Promise.all([
    runProgram([theirs, '-M', 'screen', ...flags, one]),
    runProgram([ours, '-M', 'screen', ...flags, two]),
  ]);
  assert.deepEqual(words(actual), words(expected), flags.join(' '));
  assert.deepEqual(moduli(two), moduli(one), flags.join(' '));
  return [one, two];
}

test('screening finds the same moduli, with the same words', { skip }, async () => {
  const [, found] = await screenBoth('-f', input);
  assert.ok(moduli(found).length >= 3);
  await screenBoth('-f', input, '-O', 'generator=2');
  await screenBoth('-f', input, '-O', 'generator=7');
  await screenBoth('-f', input, '-O', 'prime-tests=4');
  await screenBoth('-f', input, '-O', 'start-line=2');
  await screenBoth('-f', input, '-O', 'lines=3');
  await screenBoth('-f', input, '-O', 'start-line=4', '-O', 'lines=2');
  // And once more: what was found is found again, with the trials added.
  await screenBoth('-f', found);
});

test('screening reads standard input and appends', { skip }, async () => {
  const output = fresh();
  writeFileSync(output, 'what was there\n');
  const result = await runProgram([ours, '-M', 'screen', output], { input: readFileSync(input) });
  assert.equal(result.status, 0, result.stderr);
  assert.equal(readFileSync(output, 'latin1').split('\n')[0], 'what was there');
});

test('a checkpoint is resumed, ours by them and theirs by us, and gone at the end', { skip }, async () => {
  const [, whole] = await screenBoth('-f', input);
  for (const program of [theirs, ours]) {
    const checkpoint = fresh();
    writeFileSync(checkpoint, '2\n');
    const output = fresh();
    const result = await runProgram([program, '-M', 'screen', '-f', input, '-O', `checkpoint=${checkpoint}`, output]);
    assert.equal(result.status, 0);
    assert.match(result.stderr, new RegExp(`^Loaded checkpoint from '${checkpoint}' line 2\r?\n`));
    assert.deepEqual(moduli(output), moduli(whole).slice(1));
    assert.throws(() => statSync(checkpoint), { code: 'ENOENT' });
  }
  const broken = fresh();
  writeFileSync(broken, 'nonsense');
  const result = await runProgram([ours, '-M', 'screen', '-f', input, '-O', `checkpoint=${broken}`, fresh()]);
  assert.match(result.stderr, /^Failed to load checkpoint from /);
});

test('an error on the way leaves what was found, and the checkpoint before it', { skip }, async () => {
  const bad = fresh();
  writeFileSync(bad, `${candidates.slice(0, 2).join('\n')}\n20261122202210 4 2 1000 510 0 no number\n${line(first)}\n`);
  const [output, checkpoint] = [fresh(), fresh()];
  const args = ['-M', 'screen', '-f', bad, '-O', `checkpoint=${checkpoint}`, output];
  const result = await runProgram([ours, ...args]);
  assert.equal(result.status, 255);
  assert.match(result.stderr, new RegExp(`^${bad}:3: expected a line of moduli\\(5\\)`, 'm'));
  assert.equal(moduli(output).length, 1);
  assert.equal(readFileSync(checkpoint, 'latin1'), '2\n');
  writeFileSync(bad, `${candidates.slice(0, 2).join('\n')}\n\n${line(halves[1] ?? 0n)}\n`);
  assert.equal((await runProgram([ours, ...args])).status, 0);
  assert.equal(moduli(output).length, 2);
});

test('our candidates are screened by OpenSSH, and theirs by us', { skip }, async () => {
  const generated = fresh();
  const start = (first - 4000n).toString(16);
  const result = await runProgram([ours, '-M', 'generate', '-O', 'bits=512', '-O', `start=${start}`, generated]);
  assert.equal(result.status, 0, result.stderr);
  const time = String.raw`\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}`;
  assert.match(
    result.stderr,
    new RegExp(
      `^${time} Sieve next \\d+ plus 511-bit\n${time} Sieved with \\d+ small primes in \\d+ seconds\n${time} Found \\d+ candidates\n$`,
    ),
  );
  const lines = readFileSync(generated, 'latin1').split('\n');
  assert.match(lines[0] ?? '', /^\d{14} 4 2 \d+ 510 0 [0-9A-F]{128}$/);
  assert.ok(lines.some((text) => text.endsWith(` ${first.toString(16).toUpperCase()}`)));
  const [byNinth, byTenth, byUs] = [fresh(), fresh(), fresh()];
  for (const [program, output] of [
    [ninth, byNinth],
    [theirs, byTenth],
    [ours, byUs],
  ] as const) {
    const screened = await runProgram([program, '-M', 'screen', '-f', generated, '-O', 'lines=40', output]);
    assert.equal(screened.status, 0, screened.stderr);
  }
  assert.ok(moduli(byUs).some((text) => text.includes((2n * first + 1n).toString(16).toUpperCase())));
  assert.deepEqual(moduli(byUs), moduli(byTenth));
  assert.deepEqual(moduli(byUs), moduli(byNinth));
});

test('bad options and files: the same words and status, and no file is lost', { skip }, async () => {
  const kept = fresh();
  writeFileSync(kept, 'kept\n');
  for (const args of [
    ['-M', 'nonsense'],
    ['-M', 'generate'],
    ['-M', 'screen'],
    ['-M', 'generate', 'a', 'b'],
    ['-M', 'generate', '-O', 'foo=1', kept],
    ['-M', 'generate', '-O', 'start=zz', kept],
    ['-M', 'generate', '-O', 'memory=x', kept],
    ['-M', 'generate', '-O', 'bits=512', '/nonexistent/out'],
    ['-M', 'screen', '-f', '/nonexistent/in', kept],
    ['-M', 'screen', '-f', input, '/nonexistent/out'],
    ['-M', 'screen', '-f', input, '-O', 'bits=512', kept],
    ['-M', 'screen', '-f', input, '-O', 'generator=0', kept],
    ['-M', 'screen', '-f', input, '-O', 'prime-tests=3', kept],
    ['-M', 'screen', '-f', input, '-O', 'prime-tests=many', kept],
  ]) {
    const [expected, actual] = await Promise.all([runProgram([theirs, ...args]), runProgram([ours, ...args])]);
    assert.deepEqual(words(actual), words(expected), args.join(' '));
  }
  assert.equal(readFileSync(kept, 'latin1'), 'kept\n');
  // OpenSSH empties the file before it finds the size wrong.
  for (const option of ['bits=511', 'bits=65537', 'memory=7', 'memory=128']) {
    const [expected, actual] = [
      await runProgram([theirs, '-M', 'generate', '-O', option, fresh()]),
      await runProgram([ours, '-M', 'generate', '-O', option, kept]),
    ];
    assert.deepEqual(words(actual), words(expected), option);
  }
  assert.equal(readFileSync(kept, 'latin1'), 'kept\n');
  assert.ok(readdirSync(folder).every((name) => !name.endsWith('.part')));
});
