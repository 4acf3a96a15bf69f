import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import type { KnownHostsOptions } from './known-hosts-options.ts';
import { knownHosts } from './known-hosts-policy.ts';
import { type LearnHostKeysOptions, learnHostKeys } from './learn-host-keys.ts';
import { hostKey, listening, otherKey, until } from './live.test.kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-learn-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const known = hostKey.publicKey;
const second = await generateKey('ecdsa-sha2-nistp256');
const old = otherKey.publicKey;
let made = 0;

function file(text?: string | Buffer): string {
  const path = join(folder, `known_hosts-${++made}`);
  if (text !== undefined) writeFileSync(path, text);
  return path;
}

const line = (hosts: string, key: PublicKey) => `${hosts} ${key.type} ${key.blob.toString('base64')}\n`;

async function learn(
  options: Partial<LearnHostKeysOptions> & { userFiles: readonly string[] },
  prove: (keys: readonly PublicKey[]) => Promise<readonly PublicKey[] | undefined> = async (keys) => keys,
) {
  const events: string[] = [];
  const proved: PublicKey[] = [];
  const result = await learnHostKeys(
    {
      keys: [known, second.publicKey],
      prove: async (keys) => {
        proved.push(...keys);
        return prove(keys);
      },
    },
    { host: 'box', port: 22, onEvent: ({ level, text }) => events.push(`${level}: ${text}`), ...options },
  );
  return { result, events, proved };
}

test('new keys are proved and added, old ones go, and OpenSSH’s words tell of it', async () => {
  const path = file(`# mine\n${line('box', old)}${line('box', known)}`);
  const { result, events, proved } = await learn({ userFiles: [path] });
  assert.equal(result, 'updated');
  assert.deepEqual(proved, [second.publicKey], 'what is known needs no proof');
  assert.equal(readFileSync(path, 'utf8'), `# mine\n${line('box', known)}${line('box', second.publicKey)}`);
  assert.equal(readFileSync(`${path}.old`, 'utf8'), `# mine\n${line('box', old)}${line('box', known)}`);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const said = events.filter((event) => event.startsWith('verbose'));
  assert.match(said[0] ?? '', /^verbose: Learned new hostkey: ECDSA SHA256:/);
  assert.match(said[1] ?? '', /^verbose: Deprecating obsolete hostkey: ED25519 SHA256:/);
  assert.equal(said[2], `verbose: ${path}:2: Removed ED25519 key for host box`);
  assert.match(said[3] ?? '', /^verbose: Adding new key for box to .*: ecdsa-sha2-nistp256 SHA256:/);
  assert.equal((await learn({ userFiles: [path] })).result, 'unchanged');
});

test('nothing is written where the proof is refused, wrong or not wanted', async () => {
  const text = line('box', known) + line('box', old);
  const refused = await learn({ userFiles: [file(text)] }, async () => undefined);
  assert.equal(refused.result, 'unproved');
  assert.ok(refused.events.includes('error: Server failed to confirm ownership of private host keys'));
  const wrong = new SshError('wrong', { code: 'protocol-error', stage: 'host-key' });
  const path = file(text);
  await assert.rejects(
    learn({ userFiles: [path] }, () => Promise.reject(wrong)),
    wrong,
  );
  for (const answer of [false, undefined, 'yes', 1]) {
    const asked: (readonly string[])[] = [];
    const ask = async ({ lines }: { lines: readonly string[] }) => {
      asked.push(lines);
      return answer as boolean;
    };
    assert.equal((await learn({ userFiles: [path], ask })).result, 'declined');
    assert.match(asked[0]?.[0] ?? '', /^The server has updated its host keys\.$/);
    assert.match(asked[0]?.[2] ?? '', /^Learned new hostkey: /);
  }
  assert.equal(readFileSync(path, 'utf8'), text);
  assert.equal((await learn({ userFiles: [path], ask: async () => true })).result, 'updated');
});

test('a line for more than this server leaves the file alone, and nothing is asked of the server', async () => {
  for (const text of [line('bo*', known), line('box', known) + line('other', second.publicKey)]) {
    const { result, proved } = await learn({ userFiles: [file(text)] });
    assert.deepEqual([result, proved], ['left-alone', []]);
  }
});

test('a first file that is not there is made before lines go from the second', async () => {
  const [first, other] = [join(folder, 'new', 'known_hosts'), file(line('box', known))];
  assert.equal((await learn({ userFiles: [first, other] })).result, 'updated');
  assert.equal(readFileSync(first, 'utf8'), line('box', known) + line('box', second.publicKey));
  assert.equal(readFileSync(other, 'utf8'), '');
  assert.equal(statSync(first).mode & 0o777, 0o600);
});

test('what the first file cannot take stays in the second; what cannot be read changes nothing', async () => {
  writeFileSync(join(folder, 'in-the-way'), '');
  const other = file(line('box', known));
  const { result, events } = await learn({ userFiles: [join(folder, 'in-the-way', 'below'), other] });
  assert.equal(result, 'failed');
  assert.match(events.at(-1) ?? '', /^error: update_known_hosts: hostfile_replace_entries failed for .*below/);
  assert.equal(readFileSync(other, 'utf8'), line('box', known));
  const directory = file();
  mkdirSync(directory);
  const unread = await learn({ userFiles: [file(line('box', known)), directory] });
  assert.deepEqual([unread.result, unread.proved], ['failed', []]);
});

test('a link stays a link, and bytes that are no UTF-8 come back', async () => {
  const target = file(Buffer.from(`# caf\xe9 \xff\n${line('box', known)}`, 'latin1'));
  const path = file();
  symlinkSync(target, path);
  assert.equal((await learn({ userFiles: [path] })).result, 'updated');
  assert.equal(readFileSync(target, 'latin1'), `# caf\xe9 \xff\n${line('box', known)}${line('box', second.publicKey)}`);
  assert.equal(existsSync(`${target}.old`), true);
});

test('keys of types that are not wanted count as gone', async () => {
  const path = file(line('box', known) + line('box', second.publicKey));
  assert.equal((await learn({ userFiles: [path], algorithms: ['ssh-ed25519'] })).result, 'updated');
  assert.equal(readFileSync(path, 'utf8'), line('box', known));
  assert.equal((await learn({ userFiles: [path], algorithms: ['rsa-sha2-512'] })).result, 'unchanged');
});

test('over a connection: learned on the word of a plain line or of a person, and of nobody else', async (t) => {
  const { port, connect } = await listening(t, { hostKeys: [hostKey, second] });
  const at = `[127.0.0.1]:${port}`;
  const run = async (text: string, options: KnownHostsOptions) => {
    const path = file(text);
    const hostKeys = knownHosts({
      userFiles: [path],
      globalFiles: [],
      learn: true,
      algorithms: ['ssh-ed25519', 'ecdsa-sha2-nistp256'],
      ...options,
    });
    const connection = await connect({ hostKeys });
    await until('keys were announced', () => connection.learning !== undefined);
    await connection.learning;
    await connection.close();
    return readFileSync(path, 'utf8').split('\n').length - 1;
  };
  assert.equal(await run(line(at, known), {}), 2);
  assert.equal(await run('', { onUnknown: async () => true }), 2);
  assert.equal(await run('', { onUnknown: 'accept-new' }), 1);
  assert.equal(await run(line('127.0.0.1', known), {}), 1);
  assert.equal(await run('', { globalFiles: [file(line(at, known))] }), 0);
  assert.equal(await run('', { command: async () => line(at, known) }), 0);
  assert.equal(await run(line(at, old), { acceptMismatchWithoutVerification: () => true }), 1);
  assert.equal(await run('', { acceptLocalhostWithoutVerification: true }), 0);
});
