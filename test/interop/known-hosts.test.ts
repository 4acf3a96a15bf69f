/** known_hosts, read and written alike by ssh-keygen and by us. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { generateKey } from '@nacre/ssh/keys';
import { addHost, findHostEntries, parseKnownHosts, removeHost } from '@nacre/ssh/trust';

const run = promisify(execFile);
const hasTools = await run('ssh-keygen', ['-?']).then(
  () => true,
  (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
);
const skip = hasTools ? false : 'ssh-keygen is not installed';
let folder = '';
const path = () => join(folder, 'known_hosts');

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nacre-known-'));
});
after(() => rm(folder, { recursive: true }));

/** The line numbers that `ssh-keygen -F` finds. */
async function linesFound(name: string): Promise<number[]> {
  const output = await run('ssh-keygen', ['-f', path(), '-F', name]).then(
    ({ stdout }) => stdout,
    () => '',
  );
  return [...output.matchAll(/^# Host .* found: line (\d+)/gm)].map((found) => Number(found[1]));
}

const names = [
  'a.example',
  'A.EXAMPLE',
  'b.example',
  'bad.wild.example',
  'good.wild.example',
  '[a.example]:2222',
  'hidden.example',
  '[hidden.example]:2222',
  'hashed-by-them.example',
  '2001:db8::1',
  '[2001:db8::1]:2222',
  '192.0.2.77',
  'nobody.example',
];

async function writeSample(): Promise<string> {
  const key = (await generateKey('ssh-ed25519')).publicKey;
  const keyText = `${key.type} ${key.blob.toString('base64')}`;
  await writeFile(path(), `hashed-by-them.example ${keyText}\n`);
  await run('ssh-keygen', ['-q', '-H', '-f', path()]);
  let text = await readFile(path(), 'utf8');
  text += `# a comment\n\na.example,b.example ${keyText} with a comment\n`;
  text += `*.wild.example,!bad.wild.example ${keyText}\n192.0.2.? ${keyText}\n192.0.2.* ${keyText}\n`;
  text += `@cert-authority *.example ${keyText}\n@revoked bad.wild.example ${keyText}\nbroken\n`;
  text = addHost(text, { host: 'a.example', port: 2222, key });
  text = addHost(text, { host: 'hidden.example', port: 22, key, hashed: true });
  text = addHost(text, { host: 'hidden.example', port: 2222, key, hashed: true, comment: 'x' });
  text = addHost(text, { host: '2001:db8::1', port: 22, key });
  text = addHost(text, { host: '2001:db8::1', port: 2222, key });
  await writeFile(path(), text);
  return text;
}

test('both find the same lines for every name', { skip }, async () => {
  const file = parseKnownHosts(await writeSample(), { name: path() });
  for (const name of names) {
    const ours = findHostEntries([file], name).map(({ line }) => line);
    assert.deepEqual(ours, await linesFound(name), name);
  }
});

test('both remove the same lines', { skip }, async () => {
  for (const name of names) {
    // ssh-keygen edits no file with a line that it cannot read.
    const text = (await writeSample()).replace('broken\n', '');
    await writeFile(path(), text);
    const { text: ours, removed } = removeHost(text, name);
    await run('ssh-keygen', ['-q', '-f', path(), '-R', name]).catch(() => {});
    const theirs = await readFile(path(), 'utf8');
    assert.equal(ours, theirs, `${name}: ${removed.length} lines removed here`);
  }
});
