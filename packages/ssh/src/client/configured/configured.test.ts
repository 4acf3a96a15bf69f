/** From settings to options: what is switched on, what is asked, and what happens where nobody can be asked. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clientTokens, resolveClientConfig } from '../../config/index.ts';
import { SshError } from '../../errors.ts';
import { generateKey } from '../../keys/index.ts';
import { nodeConfigSystem } from '../config-system.ts';
import type { ConnectOptions } from '../options.ts';
import type { ConfiguredCallbacks } from './callbacks.ts';
import { configuredOptions } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-configured-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const key = await generateKey('ssh-ed25519');
const other = await generateKey('ssh-ed25519');
const line = (signer: typeof key) => `ssh-ed25519 ${signer.publicKey.blob.toString('base64')}`;

/** What a configuration of these lines gives for the host `db.example`. */
async function options(
  lines: readonly string[],
  callbacks: ConfiguredCallbacks = {},
  environment: Record<string, string> = {},
): Promise<ConnectOptions> {
  const system = nodeConfigSystem({ home: folder, environment });
  const request = { host: 'db.example', commandLine: lines, configFile: 'none' };
  const config = await resolveClientConfig(request, system);
  const { host, user, originalHost, settings } = config;
  const facts = { host, user, originalHost, port: settings.port, hostKeyAlias: settings.hostKeyAlias, jumpHosts: '' };
  return configuredOptions(config, { home: folder, tokens: clientTokens(facts, system), environment }, callbacks);
}

const question = { host: 'db.example', port: 22, address: '192.0.2.1', key: key.publicKey };
let files = 0;
function knownFile(text: string): string {
  const file = join(folder, `known-${++files}`);
  writeFileSync(file, text);
  return file;
}
const only = (file: string) => [`UserKnownHostsFile ${file}`, 'GlobalKnownHostsFile none'];
const refusedWith = (code: SshError['code']) => (error: unknown) => error instanceof SshError && error.code === code;

test('an unknown host is refused unless somebody is there to ask, and says yes', async () => {
  const file = knownFile('');
  for (const [lines, answer, isIn] of [
    [[], undefined, false],
    [[], true, true],
    [[], false, false],
    [['BatchMode yes'], true, false],
    [['StrictHostKeyChecking yes'], true, false],
    [['StrictHostKeyChecking accept-new'], undefined, true],
    [['StrictHostKeyChecking no'], undefined, true],
  ] as const) {
    writeFileSync(file, '');
    let asked = 0;
    const onUnknownHost = async () => {
      asked++;
      return answer === true;
    };
    const { hostKeys } = await options([...only(file), ...lines], answer === undefined ? {} : { onUnknownHost });
    const judged = hostKeys.verify(question);
    if (isIn) await judged;
    else await assert.rejects(judged, refusedWith('host-key-unknown'));
    assert.equal(readFileSync(file, 'utf8') === '', !isIn, JSON.stringify(lines));
    assert.equal(asked, answer !== undefined && lines.length === 0 ? 1 : 0);
  }
});

test('another key ends it; with StrictHostKeyChecking=no it is told, and nothing secret is asked for', async () => {
  const lines = only(knownFile(`db.example ${line(other)}\n`));
  const strict = await options(lines);
  await assert.rejects(strict.hostKeys.verify(question), refusedWith('host-key-changed'));
  const told: string[] = [];
  const { hostKeys, password, auth } = await options([...lines, 'StrictHostKeyChecking no'], {
    onMismatchAccepted: (verdict) => void told.push(verdict.status),
    password: async () => 'secret',
    keyboardInteractive: async () => ['secret'],
  });
  const ask = typeof password === 'function' ? password : assert.fail('no password');
  const request = { user: 'ada', attempt: 1, prompt: '' };
  assert.equal(await ask(request), 'secret');
  await hostKeys.verify(question);
  assert.deepEqual(told, ['changed']);
  assert.equal(await ask(request), undefined);
  const dialogue = { user: 'ada', name: '', instruction: '', prompts: [] };
  assert.equal(await auth?.keyboardInteractive?.(dialogue), undefined);
});

test('batch mode asks for nothing', async () => {
  const answers = { password: async () => 'x', passphrase: async () => 'x', keyboardInteractive: async () => ['x'] };
  const { password, passphrase, auth } = await options(['BatchMode yes'], answers);
  assert.deepEqual([password, passphrase, auth?.keyboardInteractive], [undefined, undefined, undefined]);
  assert.deepEqual(auth?.preferredMethods, ['publickey']);
});

test('methods that are off are left out of the order', async () => {
  const methodsOf = async (...lines: string[]) => (await options(lines)).auth?.preferredMethods;
  assert.deepEqual(await methodsOf(), ['publickey', 'keyboard-interactive', 'password']);
  assert.deepEqual(await methodsOf('HostbasedAuthentication yes', 'PubkeyAuthentication no'), [
    'hostbased',
    'keyboard-interactive',
    'password',
  ]);
  assert.deepEqual(await methodsOf('PreferredAuthentications password,hostbased,publickey'), ['password', 'publickey']);
});

test('paths take tokens, the home folder and variables; what is not there is refused', async () => {
  const { identities, certificates } = await options(
    ['IdentityFile ~/keys/%h', 'IdentityFile none', 'CertificateFile $' + '{CERTS}/c.pub'],
    {},
    { CERTS: '/etc/certs' },
  );
  assert.deepEqual(identities, [`${folder}/keys/db.example`]);
  assert.deepEqual(certificates, ['/etc/certs/c.pub']);
  await assert.rejects(options(['IdentityFile %z']), refusedWith('bad-file'));
  await assert.rejects(options(['IdentityFile $' + '{NOBODY_SET_THIS}']), refusedWith('bad-file'));
  const defaults = await options([]);
  assert.equal(defaults.hasDefaultIdentities, true);
  assert.ok(defaults.identities?.every((path) => typeof path === 'string' && path.startsWith(`${folder}/.ssh/id_`)));
});

test('the agent: by the environment, by name, by variable, none', async () => {
  const socket = knownFile('');
  const agentOf = async (environment: Record<string, string>, ...lines: string[]) =>
    (await options(lines, {}, environment)).agent;
  assert.equal(await agentOf({ SSH_AUTH_SOCK: '/run/agent' }), '/run/agent');
  assert.equal(await agentOf({}), false);
  assert.equal(await agentOf({ SSH_AUTH_SOCK: '/run/agent' }, 'IdentityAgent none'), false);
  assert.equal(await agentOf({ OTHER: '/run/other' }, 'IdentityAgent $OTHER'), '/run/other');
  assert.equal(await agentOf({}, `IdentityAgent ${socket}`), socket);
  assert.equal(await agentOf({}, `IdentityAgent ${socket}-not`), false);
});

test('keys go into the agent as AddKeysToAgent says, and after a question only where somebody answers', async () => {
  const wish = async (value: string, callbacks?: ConfiguredCallbacks) =>
    (await options([`AddKeysToAgent ${value}`], callbacks)).addKeysToAgent;
  assert.equal(await wish('no'), undefined);
  assert.deepEqual(await wish('yes'), { confirm: false, lifetimeSeconds: 0 });
  assert.deepEqual(await wish('confirm 5m'), { confirm: true, lifetimeSeconds: 300 });
  assert.deepEqual(await wish('1h'), { confirm: false, lifetimeSeconds: 3600 });
  assert.equal(await (await wish('ask'))?.ask?.('path', 'comment'), false);
  assert.equal(await (await wish('ask', { onAddKey: async () => true }))?.ask?.('path', 'comment'), true);
});

test('new host keys are learned into the usual files, and after a question only where somebody answers', async () => {
  const learns = async (lines: readonly string[], callbacks?: ConfiguredCallbacks) =>
    (await options(lines, callbacks)).hostKeys.learn !== undefined;
  assert.equal(await learns([]), true);
  assert.equal(await learns(['UpdateHostKeys no']), false);
  assert.equal(await learns(only(knownFile(''))), false);
  assert.equal(await learns(['VerifyHostKeyDNS ask']), false);
  assert.equal(await learns(['UpdateHostKeys ask']), false);
  assert.equal(await learns(['UpdateHostKeys ask'], { onHostKeyUpdate: async () => true }), true);
  assert.equal(await learns(['UpdateHostKeys ask', 'BatchMode yes'], { onHostKeyUpdate: async () => true }), false);
});

test('an order of host keys that somebody wrote down is kept, one that was added to follows the files', async () => {
  const lines = only(knownFile(`db.example ${line(key)}\n`));
  const orderOf = async (value: string) => {
    const { hostKeys } = await options([...lines, `HostKeyAlgorithms ${value}`]);
    return (await hostKeys.preferredAlgorithms?.('db.example', 22))?.[0];
  };
  assert.equal(await orderOf('rsa-sha2-512,ssh-ed25519'), 'rsa-sha2-512');
  assert.equal(await orderOf('^rsa-sha2-512'), 'rsa-sha2-512');
  assert.equal(await orderOf('-rsa-sha2-512'), 'ssh-ed25519');
});

test('lists that nobody can make sense of are told with file and line', async () => {
  await assert.rejects(options(['CASignatureAlgorithms nonsense']), /Bad key types 'nonsense'/);
  const log: string[] = [];
  await options(['Ciphers rijndael-cbc@lysator.liu.se,aes128-ctr'], {
    log: (level, text) => log.push(`${level} ${text}`),
  });
  assert.match(log.join('\n'), /^debug1 .* rijndael-cbc@lysator\.liu\.se is not supported and left out$/m);
});

test('a key exchange that does not last is told', async () => {
  const facts = { serverIdentification: '', address: undefined, algorithms: undefined };
  const toldWith = async (isPostQuantum: boolean, ...lines: string[]) => {
    const told: string[] = [];
    (await options(lines, { onNotice: (text) => told.push(text) })).onHandshake?.({ ...facts, isPostQuantum });
    return told.length;
  };
  assert.equal(await toldWith(false), 3);
  assert.equal(await toldWith(true), 0);
  assert.equal(await toldWith(false, 'WarnWeakCrypto no'), 0);
});
