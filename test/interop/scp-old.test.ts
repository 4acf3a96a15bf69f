/** scp -O: our client at OpenSSH's scp and at ours, OpenSSH's client at ours, words as OpenSSH's, and what the other end may not do. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, missing, nacreProgram, openSshProgram, runProgram, startOpenSshServer } from '../harness/index.ts';
import { ourScp, runBoth, runScp, scpFlags } from './_scp.ts';

const skip = missing('scp', 'sshd', 'openssh-10');

/** Rows that need nothing special of the shell over there. */
const rows: readonly (readonly string[])[] = [
  ['h:{r}/one', '.'],
  ['-p', 'h:{r}/one', 'h:{r}/two', 't'],
  ['-r', 'h:{r}/d', 'new'],
  ['-rp', 'h:{r}/d', 't'],
  ['h:{r}/[ot]*', 't'],
  ['h:{r}/{one,two}', 't'],
  ['h:{r}/a\\ b', '.'],
  ['h:{r}/nosuch', '.'],
  ['h:{r}/nosuch', 'h:{r}/one', 't'],
  ['h:{r}/d', '.'],
  ['h:{r}/one', 'nodir/x'],
  ['h:{r}/one', 'L/x'],
  ['h:{r}/one', 'h:{r}/two', 'nodir'],
  ['L', 'h:{r}'],
  ['L', 'h:{r}/new'],
  ['L', 'M', 'h:{r}/ex'],
  ['-rp', 't', 'h:{r}/new'],
  ['-r', 't', 'L', 'h:{r}/ex'],
  ['L', 'h:{r}/nodir/x'],
  ['L', 'M', 'h:{r}/one'],
  ['L', 'M', 'h:{r}/nodir'],
  ['L', 'nosuch', 'M', 'h:{r}/ex'],
  ['t', 'h:{r}/ex'],
  ['h:{r}/one', 'g:{r}/ex'],
  ['-r', 'h:{r}/d', 'g:{r}/ex'],
  ['h:{r}/nosuch', 'g:{r}/ex'],
  ['h:{r}/one', 'g:{r}/nodir/x'],
];

/** Called as ssh is; runs the command with a shell of this machine, where `scp` is the one that stands first in `path`. */
function localShell(path: string): string {
  const program = join(makeFolder('scp-shell'), 'shell');
  const lines = ['#!/bin/sh', 'while [ "$1" != -- ]; do shift; done', 'shift 2', `PATH=${path}:/usr/bin:/bin`];
  writeFileSync(program, [...lines, 'exec sh -c "$*"', ''].join('\n'), { mode: 0o755 });
  return program;
}

const theirShell = () => localShell(dirname(openSshProgram('scp', '10.0')));

test('our client and OpenSSH’s at OpenSSH’s scp: files, words, status', { skip }, async () => {
  const flags = ['-S', theirShell(), '-O'];
  // Quotation marks are for the shell over there, and what it makes of them nobody here can know.
  const quoted = await runBoth('10.0', { args: [...flags, 'h:"{r}/a b"', '.'] });
  assert.deepEqual([quoted.ours.status, quoted.ours.tree], [quoted.theirs.status, quoted.theirs.tree]);
  const trusting = await runBoth('10.0', { args: [...flags, '-T', 'h:"{r}/a b"', '.'] });
  assert.deepEqual(trusting.ours, trusting.theirs);
  assert.ok('l/a b' in trusting.ours.tree);
  for (const row of rows) {
    const { theirs, ours } = await runBoth('10.0', { args: [...flags, ...row] });
    assert.deepEqual(ours, theirs, row.join(' '));
  }
});

test('OpenSSH’s client gets from our scp what it gets from its own', { skip }, async () => {
  const [theirEnd, ourEnd] = [theirShell(), localShell(dirname(nacreProgram('scp')))];
  const client = openSshProgram('scp', '10.0');
  for (const row of rows) {
    const theirs = await runScp(client, { args: ['-S', theirEnd, '-O', ...row] });
    const ours = await runScp(client, { args: ['-S', ourEnd, '-O', ...row] });
    assert.deepEqual(ours, theirs, row.join(' '));
  }
});

test('over logins: our client at OpenSSH’s scp and at ours, OpenSSH’s client at ours', { skip }, async () => {
  const theirEnd = scpFlags(await startOpenSshServer());
  // bin/scp comes first in the path of what sshd starts.
  const config = [`SetEnv PATH=${dirname(nacreProgram('scp'))}:/usr/bin:/bin`];
  const ourEnd = scpFlags(await startOpenSshServer({ config }));
  for (const [client, end] of [
    [ourScp, theirEnd],
    [ourScp, ourEnd],
    [openSshProgram('scp', '10.0'), ourEnd],
  ] as const) {
    const down = await runScp(client, { args: [...end, '-O', '-rp', 'h:{r}/d', 'h:{r}/nosuch', 't'] });
    assert.deepEqual([down.status, down.stderr], [1, ['scp: {folder}/r/nosuch: No such file or directory']]);
    assert.ok('l/t/d/sub/y' in down.tree);
    const up = await runScp(client, { args: [...end, '-O', '-rp', 't', 'L', 'h:{r}/ex'] });
    assert.deepEqual([up.status, up.stderr], [0, []]);
    assert.ok('r/ex/t/u/b' in up.tree && 'r/ex/L' in up.tree);
  }
});

test('a full disk, a target too many', { skip }, async () => {
  const flags = ['-S', theirShell(), '-O'];
  for (const row of [
    ['h:{r}/one', '/dev/full'],
    ['L', 'h:/dev/full'],
  ]) {
    const { theirs, ours } = await runBoth('10.0', { args: [...flags, ...row] });
    assert.deepEqual(ours, theirs, row.join(' '));
  }
  const sink = await runProgram([ourScp, '-t', 'a', 'b'], { input: '' });
  assert.deepEqual([sink.status, sink.stdout.toString()], [1, '\x01scp: ambiguous target\n']);
});

/** An other end that says what a test has it say, whoever asks. */
function hostileProgram(folder: string, says: string): string {
  const program = join(folder, 'hostile');
  writeFileSync(join(folder, 'says'), says);
  writeFileSync(program, `#!/bin/sh\ncat '${folder}/says'\ntimeout 2 cat >/dev/null\nexit 0\n`, { mode: 0o755 });
  return program;
}

test('names that nobody asked for, or that lead elsewhere, stop the copy before anything is written', {
  skip,
}, async () => {
  for (const [flags, source, says] of [
    [[], 'h:one', 'C0644 4 other\nevil\0'],
    [[], 'h:one', 'C0644 4 ../one\nevil\0'],
    [[], 'h:*', 'C0644 4 .bashrc\nevil\0'],
    [[], 'h:one', 'D0755 0 one\nC0644 4 x\nevil\0E\n'],
    [['-r'], 'h:one', 'D0777 0 .\nC0644 4 x\nevil\0E\n'],
    [['-r'], 'h:d', 'D0777 0 other\nC0644 4 x\nevil\0E\n'],
    [['-T'], 'h:one', 'C0644 4 ..\nevil\0'],
  ] as const) {
    const folder = makeFolder('scp-hostile');
    const program = hostileProgram(makeFolder('scp-hostile-end'), says);
    const argv = [ourScp, '-O', ...flags, '-S', program, source, '.'];
    const { status, stderr } = await runProgram(argv, { cwd: folder });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /which was not asked for|no name of a file|folders were not asked for/);
    assert.deepEqual(readdirSync(folder), []);
  }
});

test('-T takes what a shell may have made of the path; links out of a folder are not written through', {
  skip,
}, async () => {
  const folder = makeFolder('scp-trust');
  const program = hostileProgram(makeFolder('scp-trust-end'), 'C0644 4 other\nmine\0');
  const { status } = await runProgram([ourScp, '-OT', '-S', program, 'h:$(x)', '.'], { cwd: folder });
  assert.equal(status, 0);
  assert.equal(readFileSync(join(folder, 'other'), 'utf8'), 'mine');

  const outside = join(makeFolder('scp-outside'), 'file');
  writeFileSync(outside, 'untouched');
  mkdirSync(join(folder, 'd'));
  symlinkSync(outside, join(folder, 'd', 'x'));
  const through = hostileProgram(makeFolder('scp-through-end'), 'D0755 0 d\nC0644 4 x\nevil\0E\n');
  const result = await runProgram([ourScp, '-Or', '-S', through, 'h:d', '.'], { cwd: folder });
  assert.equal(result.status, 1);
  assert.match(result.stderr, /the link leads out of the folder/);
  assert.equal(readFileSync(outside, 'utf8'), 'untouched');
});

test('control characters of the other end’s never reach the terminal', { skip }, async () => {
  const folder = makeFolder('scp-escape');
  for (const says of [
    'C0644 4 \x1b]0;owned\x07\nevil\0',
    '\x01scp: \x1b[2Jgone\n',
    '\x02\x1b[31mred\n',
    '\x1b[2Jno scp\n',
  ]) {
    const program = hostileProgram(makeFolder('scp-escape-end'), says);
    const { status, stderr, stdout } = await runProgram([ourScp, '-O', '-S', program, 'h:x', '.'], { cwd: folder });
    assert.equal(status, 1);
    assert.ok(!`${stderr}${stdout}`.includes('\x1b'), JSON.stringify(stderr));
    assert.match(stderr, /\\033/);
  }
});
