/** scp on a terminal: the progress line beside OpenSSH's, the window's width, the total of a tree, ^C. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, missing, openSshProgram, startTerminal } from '../harness/index.ts';
import { ourScp } from './_scp.ts';

const skip = missing('scp', 'python3');
const server = ['-D', openSshProgram('sftp-server')];

function prepare(): string {
  const folder = makeFolder('scp-terminal');
  writeFileSync(join(folder, 'big'), randomBytes(3_000_000));
  writeFileSync(join(folder, 'empty'), '');
  mkdirSync(join(folder, 'tree/sub'), { recursive: true });
  for (const name of ['tree/a', 'tree/b', 'tree/sub/c']) writeFileSync(join(folder, name), 'text');
  return folder;
}

/** The lines that stay, each as it was drawn last, with the numbers that differ between runs taken out. */
function lastLines(output: string): string[] {
  return output
    .split('\n')
    .map((line) => line.replace(/\r+$/, '').split('\r').at(-1) ?? '')
    .map((line) => line.replace(/ {0,3}[\d.]+[KMGT]B\/s/, ' <rate>/s').replace(/\d\d:\d\d/, '<time>'))
    .filter((line) => line !== '');
}

async function drawn(program: string, args: readonly string[], folder: string, columns = 80): Promise<string[]> {
  const terminal = startTerminal([program, ...server, ...args], { cwd: folder, columns });
  const { status } = await terminal.ended(60_000);
  assert.equal(status, 0, terminal.output());
  return lastLines(terminal.output());
}

test('the lines of files are OpenSSH’s, at several widths', { skip }, async () => {
  const folder = prepare();
  for (const [args, columns] of [
    [[`h:${folder}/big`, 'copy'], 80],
    [[`h:${folder}/empty`, 'copy'], 80],
    [['empty', `h:${folder}/copy`], 80],
    [['big', `h:${folder}/a rather long name for so narrow a window`], 50],
    [[`h:${folder}/big`, `g:${folder}/copy`], 100],
    [['-q', 'big', `h:${folder}/copy`], 80],
  ] as const) {
    const theirs = await drawn('scp', args, folder, columns);
    assert.deepEqual(await drawn(ourScp, args, folder, columns), theirs, args.join(' '));
    const isSilent = args[0] === '-q' || args[0].endsWith('/empty');
    assert.equal(theirs.length, isSilent ? 0 : 1);
  }
});

test('a tree has a line for each file, and one for all of them', { skip }, async () => {
  const folder = prepare();
  const lines = await drawn(ourScp, ['-r', `h:${folder}/tree`, 'copy'], folder);
  const files = lines.filter((line) => /^[abc] {20}.*100%/.test(line));
  assert.equal(files.length, 3, lines.join('\n'));
  for (const line of files) assert.match(line, /100% {4}4 /);
  assert.match(lines.at(-1) ?? '', /^Total: 3 of 3 files {10,}100% {3}12 /);
});

test('the line moves, follows the window, and ^C leaves a clean terminal and what had come', { skip }, async () => {
  const folder = prepare();
  const args = [...server, '-l', '4000', `h:${folder}/big`, 'part'];
  const terminal = startTerminal([ourScp, ...args], { cwd: folder });
  await terminal.expect(/big {30,}\d+% +\d+KB .* ETA/, 30_000);
  terminal.resize(50, 24);
  await terminal.expect(/\rbig {1,25}\d+% +\d+KB [^\r\n]* ETA/, 30_000);
  terminal.send('\x03');
  const { status } = await terminal.ended();
  assert.equal(status, 1);
  assert.match(terminal.output(), /\n$/);
  const part = readFileSync(join(folder, 'part'));
  assert.ok(part.length > 0 && part.length < 3_000_000);
  assert.ok(part.equals(readFileSync(join(folder, 'big')).subarray(0, part.length)));
  assert.ok(statSync(join(folder, 'big')).size === 3_000_000);
});

test('words about a file stand on lines of their own', { skip }, async () => {
  const folder = prepare();
  const terminal = startTerminal(
    [ourScp, ...server, `h:${folder}/big`, `h:${folder}/no`, `h:${folder}/empty`, 'tree'],
    {
      cwd: folder,
    },
  );
  const { status } = await terminal.ended(30_000);
  assert.equal(status, 1);
  const lines = lastLines(terminal.output());
  assert.match(lines[0] ?? '', /^big .*100% /);
  assert.equal(lines[1], `scp: ${folder}/no: No such file or directory`);
  assert.equal(lines.length, 2);
});
