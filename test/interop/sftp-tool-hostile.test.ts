/** bin/sftp and servers that lie: names that lead elsewhere, data without an end, answers to nobody, folders inside themselves. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, missing, nacreProgram, runProgram } from '../harness/index.ts';

const skip = missing('nacre:sftp');

/** A server on stdin and stdout: for each request what `answer` gives, which is told its number, its id, and whether a listing begins. */
function serverScript(answer: string): string {
  return `
import { sftpMessages } from ${JSON.stringify(import.meta.resolve('@nacre/ssh/sftp'))};
const make = (name, fields) => sftpMessages.find((one) => one.name === 'SSH_FXP_' + name).encode(fields);
const folder = { mode: 0o040755 };
const file = { mode: 0o100644, size: 5 };
const text = (value) => Buffer.from(value);
const entry = (value, attributes = file) => ({ name: text(value), longName: text('line of ' + value), attributes });
const names = (id, ...list) => make('NAME', { id, names: list });
const end = (id, code = 1) => make('STATUS', { id, code, message: text(''), language: text('') });
let isFresh = false;
function reply(number, id) {
  if (number === 11) isFresh = true;
  const own = (${answer})({ number, id, isFresh });
  if (number === 12) isFresh = false;
  if (own !== undefined) return own;
  if (number === 1) return make('VERSION', { version: 3, extensions: [] });
  if (number === 16) return names(id, entry('/'));
  if (number === 3 || number === 11) return make('HANDLE', { id, handle: text('h') });
  if (number === 7 || number === 17) return make('ATTRS', { id, attributes: folder });
  if (number === 12) return end(id);
  return end(id, 0);
}
let input = Buffer.alloc(0);
process.stdin.on('data', (chunk) => {
  input = Buffer.concat([input, chunk]);
  while (input.length >= 4 && input.length >= 4 + input.readUInt32BE(0)) {
    const message = input.subarray(4, 4 + input.readUInt32BE(0));
    input = input.subarray(4 + message.length);
    const body = reply(message[0], message.readUInt32BE(1));
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    process.stdout.write(Buffer.concat([head, body]));
  }
});
`;
}

async function visit(answer: string, lines: readonly string[]) {
  const folder = makeFolder('sftp-hostile');
  const script = join(folder, 'server.mjs');
  writeFileSync(script, serverScript(answer));
  const here = join(folder, 'outer/here');
  mkdirSync(here, { recursive: true });
  const { status, stdout, stderr } = await runProgram(
    [nacreProgram('sftp'), '-b', '-', '-D', `${process.execPath} ${script}`],
    { input: `${lines.join('\n')}\n`, cwd: here },
  );
  assert.deepEqual(readdirSync(join(folder, 'outer')), ['here']);
  assert.deepEqual(readdirSync(folder).sort(), ['outer', 'server.mjs']);
  assert.ok(!/[\x00-\x08\x0b-\x1f]/.test(stdout.toString() + stderr.replaceAll('\r\n', '')), JSON.stringify(stderr));
  return { status, said: stdout.toString() + stderr, files: readdirSync(here) };
}

/** Folders that list one name. */
const listing = (name: string, attributes = 'file') =>
  `({ number, id, isFresh }) => number === 12 && isFresh ? names(id, entry(${JSON.stringify(name)}, ${attributes})) : undefined`;

test('a listing with a name that leads elsewhere ends the session', { skip }, async () => {
  for (const name of ['../evil', '/etc/evil', 'a/b', '', 'nul\0']) {
    for (const line of ['-ls', '-get *', '-get -r .', '-rm *']) {
      const { status, said, files } = await visit(listing(name), [line, 'pwd']);
      assert.equal(status, 255, `${JSON.stringify(name)} ${line}: ${said}`);
      assert.deepEqual(
        files.filter((file) => file !== '.'),
        [],
        said,
      );
    }
  }
});

test('a file without an end or without bytes, and answers that nobody asked for', { skip }, async () => {
  const file = 'number === 7 || number === 17 ? make("ATTRS", { id, attributes: file })';
  const cases = {
    'no bytes': `${file} : number === 5 ? make('DATA', { id, data: text('') }) : undefined`,
    'too many bytes': `${file} : number === 5 ? make('DATA', { id, data: Buffer.alloc(100000) }) : undefined`,
    'another id': `${file} : number === 5 ? make('DATA', { id: id + 7, data: text('12345') }) : undefined`,
    'another kind': `${file} : number === 5 ? names(id) : undefined`,
  };
  for (const [name, answer] of Object.entries(cases)) {
    const { status, said } = await visit(`({ number, id }) => ${answer}`, ['get x', 'pwd']);
    assert.notEqual(status, 0, `${name}: ${said}`);
    assert.doesNotMatch(said, /working directory/, name);
  }
});

test('a folder that holds itself, however deep one goes', { skip }, async () => {
  const { status, said } = await visit(listing('d', 'folder'), ['get -r x']);
  assert.equal(status, 1, said.slice(-500));
  assert.match(said, /File name too long|folders deep/);
});

test('names of users and words of the server cannot speak to the terminal', { skip }, async () => {
  const { said } = await visit(listing('x\x1b]0;t\x07', '{ ...file, size: 2 ** 60 }'), [
    '-ls -l',
    '-ls',
    '-get *',
    '-cd nope',
  ]);
  assert.match(said, /x\\033\]0;t\\007/);
});
