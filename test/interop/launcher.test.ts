/** Live: the programs in bin/, by path, by link and by PATH, with and without this repository's Node. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';

const repository = findRepository(import.meta.dirname);
const folder = mkdtempSync(join(tmpdir(), 'nacre launcher '));
after(() => rmSync(folder, { recursive: true }));
const onPosix = { skip: process.platform === 'win32' ? 'needs a POSIX shell' : false };

/** A repository of two files: the launchers, and a main.js that tells how it was called. */
const home = join(folder, 'the house');
mkdirSync(join(home, 'packages/cli/dist'), { recursive: true });
cpSync(join(repository, 'bin'), join(home, 'bin'), { recursive: true });
const main = join(home, 'packages/cli/dist/main.js');
const tellAll =
  'console.log(JSON.stringify([process.argv.slice(2), process.execPath, process.env.NODE_OPTIONS ?? null]))';
writeFileSync(main, tellAll);

const path = `/usr/bin:/bin:${dirname(process.execPath)}`;

function call(file: string, args: string[], options: { cwd?: string; path?: string } = {}): unknown[] {
  const env = { PATH: options.path ?? path, NODE_OPTIONS: '--no-warnings' };
  const out = execFileSync(file, args, { encoding: 'utf8', cwd: options.cwd ?? '/', env });
  return JSON.parse(out) as unknown[];
}

test('all launchers are one text', onPosix, () => {
  const texts = readdirSync(join(repository, 'bin')).map((name) => readFileSync(join(repository, 'bin', name), 'utf8'));
  assert.ok(texts.length >= 4);
  assert.equal(new Set(texts).size, 1);
});

test('arguments and environment go through untouched', onPosix, () => {
  const args = ['-o', 'A b', '', '*', '$HOME', "it's", '--', '-n', 'a\nb', '\\'];
  const [words, , nodeOptions] = call(join(home, 'bin/ssh'), args);
  assert.deepEqual(words, ['ssh', ...args]);
  assert.equal(nodeOptions, '--no-warnings');
});

test('found through links of the file and of folders, relative ones and chains, and by PATH', onPosix, () => {
  const links = join(folder, 'links');
  mkdirSync(links);
  symlinkSync('../the house/bin/ssh', join(links, 'relative'));
  symlinkSync('relative', join(links, 'chain'));
  symlinkSync(join(home, 'bin/ssh'), join(links, 'absolute'));
  symlinkSync(join(home, 'bin'), join(links, 'folder'));
  symlinkSync(join(links, 'folder', 'sshd'), join(links, 'through'));
  for (const [file, tool] of [
    ['relative', 'ssh'],
    ['chain', 'ssh'],
    ['absolute', 'ssh'],
    ['folder/ssh-keygen', 'ssh-keygen'],
    ['through', 'sshd'],
  ] as const) {
    assert.deepEqual(call(join(links, file), ['x'])[0], [tool, 'x'], file);
  }
  assert.deepEqual(call('./ssh', [], { cwd: join(home, 'bin') })[0], ['ssh']);
  assert.deepEqual(call('bin/ssh', [], { cwd: home })[0], ['ssh']);
  assert.deepEqual(call('sh', ['ssh', 'y'], { cwd: join(home, 'bin') })[0], ['ssh', 'y']);
  // By PATH, also a relative one, from a shell.
  const by = (search: string, cwd: string): unknown[] =>
    call('/bin/sh', ['-c', 'exec ssh -V'], { cwd, path: `${search}:${path}` });
  assert.deepEqual(by(join(home, 'bin'), '/')[0], ['ssh', '-V']);
  assert.deepEqual(by('bin', home)[0], ['ssh', '-V']);
  assert.deepEqual(by(join(links, 'folder'), '/')[0], ['ssh', '-V']);
  assert.deepEqual(by(`${links}/folder/.`, '/')[0], ['ssh', '-V']);
  assert.deepEqual(by(`${links}/folder/../bin`, '/')[0], ['ssh', '-V']);
  assert.deepEqual(by('../bin', join(home, 'bin'))[0], ['ssh', '-V']);
});

test("the repository's own Node is preferred", onPosix, () => {
  const bin = join(home, 'node_modules/node/bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'node'), '#!/bin/sh\nprintf \'["own %s"]\' "$#"\n', { mode: 0o755 });
  assert.deepEqual(call(join(home, 'bin/ssh'), ['a', 'b']), ['own 4']);
  rmSync(join(home, 'node_modules'), { recursive: true });
});

test('without a build it says what to do', onPosix, () => {
  rmSync(main);
  const { status, stderr } = spawnSync(join(home, 'bin/ssh'), ['host'], { encoding: 'utf8' });
  assert.equal(status, 255);
  assert.equal(stderr, `ssh: nacre is not built yet: run "npm install" in ${home}\n`);
  writeFileSync(main, tellAll);
});

test('the dispatcher: usage errors, unknown tools, a reader that leaves', onPosix, () => {
  const nacre = join(repository, 'bin/nacre');
  const run = (...args: string[]) => spawnSync(nacre, args, { encoding: 'utf8' });
  assert.match(run('--version').stdout, /^nacre \d+\.\d+\.\d+, Node v/);
  assert.match(run().stdout, /^usage: nacre .*\n\nTools:\n/);
  const wrong = run('-z');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /^unknown option -- z\nusage: nacre /);
  assert.match(run('no-such-tool').stderr, /there is no tool "no-such-tool"/);
  const piped = spawnSync('sh', ['-c', `'${nacre}' --help | true; echo done`], { encoding: 'utf8' });
  assert.equal(piped.stdout, 'done\n');
  assert.equal(piped.stderr, '');
});

function findRepository(from: string): string {
  for (let at = from; at !== dirname(at); at = dirname(at)) if (readdirSync(at).includes('layers.json')) return at;
  throw new Error('not inside the repository');
}
