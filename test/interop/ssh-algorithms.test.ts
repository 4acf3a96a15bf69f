/** bin/ssh and Debian's sshd with every algorithm that both know: all pairs of key exchange, host key, cipher and MAC. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  keyTypes,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runSsh,
  startOpenSshServer,
} from '../harness/index.ts';

const program = nacreProgram('ssh');
const skip = missing('nacre:ssh', 'ssh', 'sshd');
/** Two cores: more at once only wait for each other. */
const atOnce = 2;

const kinds = ['kex', 'key-sig', 'cipher', 'mac'] as const;
type Kind = (typeof kinds)[number];
type Choice = Readonly<Record<Kind, string>>;

const keywords: Readonly<Record<Kind, string>> = {
  kex: 'KexAlgorithms',
  'key-sig': 'HostKeyAlgorithms',
  cipher: 'Ciphers',
  mac: 'MACs',
};

async function list(ssh: string, kind: Kind): Promise<string[]> {
  return (await requireSuccess([ssh, '-Q', kind])).trim().split('\n');
}

/** What both sides know; certificates and security keys need more than a name. */
async function common(kind: Kind): Promise<string[]> {
  const [own, theirs] = await Promise.all([list(program, kind), list(openSshProgram('ssh'), kind)]);
  return own.filter((name) => theirs.includes(name) && !/cert-v01|^sk-|^webauthn/.test(name));
}

/** Few choices in which every two names of different kinds meet: each choice is made of the names with most pairs left. */
function coverPairs(names: Readonly<Record<Kind, readonly string[]>>): Choice[] {
  const left = new Set<string>();
  const pair = (a: Kind, x: string, b: Kind, y: string) => (a < b ? `${a} ${x}|${b} ${y}` : `${b} ${y}|${a} ${x}`);
  for (const a of kinds) {
    for (const b of kinds) if (a < b) for (const x of names[a]) for (const y of names[b]) left.add(pair(a, x, b, y));
  }
  const choices: Choice[] = [];
  while (left.size > 0) {
    const [seed = ''] = left;
    const choice: Partial<Record<Kind, string>> = Object.fromEntries(seed.split('|').map((part) => part.split(' ')));
    for (const kind of kinds) {
      if (choice[kind] !== undefined) continue;
      const gain = (name: string) =>
        kinds.filter((other) => choice[other] !== undefined && left.has(pair(kind, name, other, choice[other]))).length;
      choice[kind] = names[kind].reduce((best, name) => (gain(name) > gain(best) ? name : best));
    }
    const whole = choice as Choice;
    for (const a of kinds) for (const b of kinds) if (a < b) left.delete(pair(a, whole[a], b, whole[b]));
    choices.push(whole);
  }
  return choices;
}

test('every pair of algorithms that both know', { skip, timeout: 220_000 }, async () => {
  const names = Object.fromEntries(
    await Promise.all(kinds.map(async (kind) => [kind, await common(kind)] as const)),
  ) as Record<Kind, string[]>;
  for (const kind of kinds) assert.ok(names[kind].length >= 5, `few in common: ${kind} ${names[kind]}`);
  const config = [
    `KexAlgorithms ${names.kex.join(',')}`,
    `HostKeyAlgorithms ${names['key-sig'].join(',')}`,
    `Ciphers ${names.cipher.join(',')}`,
    `MACs ${names.mac.join(',')}`,
    'MaxStartups 100',
  ];
  const server = await startOpenSshServer({ config, hostKeyTypes: keyTypes });
  const choices = coverPairs(names);
  const failures: string[] = [];
  const next = async (): Promise<void> => {
    for (let choice = choices.pop(); choice !== undefined; choice = choices.pop()) {
      const options = Object.entries(choice).map(([kind, name]) => `${keywords[kind as Kind]}=${name}`);
      const result = await runSsh(server, ['cat'], { program, options, input: 'x'.repeat(40_000), timeoutMs: 20_000 });
      const isRight = result.status === 0 && result.stdout.length === 40_000;
      if (!isRight) failures.push(`${options.join(' ')}: ${result.status} ${result.stderr}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  assert.deepEqual(failures, []);
});

test('compression', { skip }, async () => {
  const server = await startOpenSshServer({ config: ['Compression yes'] });
  const input = Buffer.alloc(5e6, 'all work and no play ');
  const result = await runSsh(server, ['cat'], { program, flags: ['-C', '-v'], input });
  assert.ok(result.stdout.equals(input));
  assert.match(result.stderr, /compression: zlib@openssh\.com/);
  const sent = Number(/Transferred: sent (\d+)/.exec(result.stderr)?.[1]);
  assert.ok(sent < 500_000, `${sent} bytes were sent`);
});

test('lists with +, - and ^; what is wrong in them', { skip }, async () => {
  const server = await startOpenSshServer({ config: ['Ciphers +aes128-cbc'] });
  const negotiate = async (option: string) => {
    const result = await runSsh(server, ['true'], { program, options: [option], flags: ['-v'] });
    return /client->server cipher: (\S+)/.exec(result.stderr)?.[1] ?? result.stderr;
  };
  assert.equal(await negotiate('Ciphers=^aes192*'), 'aes192-ctr');
  assert.equal(await negotiate('Ciphers=-*gcm*'), 'chacha20-poly1305@openssh.com');
  assert.equal(await negotiate('Ciphers=aes128-cbc'), 'aes128-cbc');
  assert.match(await negotiate('Ciphers=-*'), /no algorithm is left/);
  assert.match(await negotiate('Ciphers=no-such'), /command-line line 0: Bad SSH2 cipher spec 'no-such'\.\n$/);
  // Names that OpenSSH has and nacre has not are left out, as a list made for OpenSSH must go on working.
  assert.equal(await negotiate('MACs=umac-64@openssh.com,hmac-sha2-256'), 'aes256-gcm@openssh.com');
});

test('nothing in common is told as OpenSSH tells it', { skip }, async () => {
  const server = await startOpenSshServer({ config: ['Ciphers aes128-ctr'] });
  const result = await runSsh(server, ['true'], { program, options: ['Ciphers=aes256-ctr'] });
  const words = `Unable to negotiate with 127.0.0.1 port ${server.port}: no matching cipher found. Their offer: aes128-ctr\r\n`;
  assert.deepEqual([result.status, result.stderr], [255, words]);
});
