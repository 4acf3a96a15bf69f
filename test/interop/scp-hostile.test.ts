/** scp against sftp servers that lie about names: nothing lands where nobody asked for it. */
import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, missing, openSshProgram, runProgram } from '../harness/index.ts';
import { ourScp } from './_scp.ts';

const skip = missing('python3');

/**
 * A server in front of OpenSSH's, which renames what is listed: each `from` in a list of names becomes `to`, of the same length, so
 * that the lengths on the wire stay right.
 */
function lyingServer(from: string, to: string): string {
  assert.equal(Buffer.byteLength(from), Buffer.byteLength(to));
  const program = join(makeFolder('scp-liar'), 'liar');
  const lines = [
    '#!/usr/bin/env python3',
    'import subprocess, sys, threading',
    `real = subprocess.Popen([${JSON.stringify(openSshProgram('sftp-server'))}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)`,
    'def forward():',
    '    while True:',
    '        data = sys.stdin.buffer.raw.read(65536)',
    '        if not data: break',
    '        real.stdin.write(data); real.stdin.flush()',
    '    real.stdin.close()',
    'threading.Thread(target=forward, daemon=True).start()',
    'out = sys.stdout.buffer',
    'while True:',
    '    head = real.stdout.read(4)',
    '    if len(head) < 4: break',
    "    body = real.stdout.read(int.from_bytes(head, 'big'))",
    `    if body[:1] == bytes([104]): body = body.replace(${pythonBytes(from)}, ${pythonBytes(to)})`,
    '    out.write(head + body); out.flush()',
    '',
  ];
  writeFileSync(program, lines.join('\n'), { mode: 0o755 });
  return program;
}

function pythonBytes(text: string): string {
  return `bytes([${[...Buffer.from(text)].join(',')}])`;
}

/** What a copy from such a server left here, and beside here. */
async function fetch(server: string, source: string, flags: readonly string[] = []) {
  const folder = makeFolder('scp-fetch');
  const there = join(folder, 'there');
  mkdirSync(join(there, 'd'), { recursive: true });
  writeFileSync(join(there, 'd/innocent'), 'text');
  mkdirSync(join(folder, 'here/into'), { recursive: true });
  const argv = [ourScp, '-D', server, ...flags, `h:${there}/${source}`, '.'];
  const result = await runProgram(argv, { cwd: join(folder, 'here/into') });
  return { ...result, folder, left: readdirSync(join(folder, 'here/into')), beside: readdirSync(join(folder, 'here')) };
}

test('a server that lists names it must not: the copy stops, and nothing is written', { skip }, async () => {
  for (const name of ['../../ev', './innoce', 'in\0ocent', '/tmp/ev1']) {
    const server = lyingServer('innocent', name);
    for (const [source, flags] of [
      ['d', ['-r']],
      ['d/*', []],
    ] as const) {
      const { status, stderr, left, beside } = await fetch(server, source, flags);
      assert.equal(status, 255, stderr);
      assert.match(stderr, /the server lists a name that is none inside a folder/);
      assert.deepEqual(
        left.filter((each) => each !== 'd'),
        [],
      );
      assert.deepEqual(beside, ['into']);
    }
  }
  assert.ok(!existsSync('/tmp/ev1'));
});

test('a listed name that is not what the pattern asked for is left alone', { skip }, async () => {
  const { status, stderr, left } = await fetch(lyingServer('innocent', '.bashrcs'), 'd/inno*');
  assert.equal(status, 1);
  assert.match(stderr, /No such file or directory/);
  assert.deepEqual(left, []);
});

test('a name with control characters is shown harmless', { skip }, async () => {
  const { status, stderr } = await fetch(lyingServer('innocent', '\x1b[2Jnocn'), 'd', ['-r']);
  assert.equal(status, 1);
  assert.ok(!stderr.includes('\x1b'), JSON.stringify(stderr));
  assert.match(stderr, /\\033\[2Jnocn/);
});

test('links that lie in the target are not written through for names of the server’s, unless -T says so', {
  skip,
}, async () => {
  const folder = makeFolder('scp-links');
  const there = join(folder, 'there');
  mkdirSync(join(there, 'd'), { recursive: true });
  writeFileSync(join(there, 'd/x'), 'theirs');
  writeFileSync(join(folder, 'precious'), 'mine');
  mkdirSync(join(folder, 'here/d'), { recursive: true });
  for (const link of ['here/x', 'here/d/x']) symlinkSync(join(folder, 'precious'), join(folder, link));
  const server = openSshProgram('sftp-server');
  const copy = (...args: string[]) => runProgram([ourScp, '-D', server, ...args], { cwd: join(folder, 'here') });
  for (const args of [
    ['-r', `h:${there}/d`, '.'],
    [`h:${there}/d/*`, '.'],
  ]) {
    const { status, stderr } = await copy(...args);
    assert.equal(status, 1);
    assert.match(stderr, /Too many levels of symbolic links[\s\S]*is a link; with -T it is written through/);
    assert.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'mine');
  }
  // Named in full it is the person's own word.
  assert.equal((await copy(`h:${there}/d/x`, '.')).status, 0);
  assert.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'theirs');
  writeFileSync(join(folder, 'precious'), 'mine');
  assert.equal((await copy('-rT', `h:${there}/d`, '.')).status, 0);
  assert.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'theirs');
  assert.ok(lstatSync(join(folder, 'here/d/x')).isSymbolicLink());
});
