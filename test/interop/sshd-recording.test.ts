/** RecordSessions of bin/sshd: what asciinema plays of a terminal, commands, and sessions that cannot be recorded. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  makeFolder,
  missing,
  runProgram,
  runSsh,
  sshCommand,
  startNacreServer,
  startTerminal,
} from '../harness/index.ts';
import { until, withSsh } from './_sshd.ts';

/** In a folder of the home: /tmp is one that others may write to. */
const newFolder = () => makeFolder('recordings', process.env.HOME);
const start = (folder: string, ...config: string[]) =>
  startNacreServer({ hostKeyTypes: ['ed25519'], config: [`RecordFolder ${folder}`, ...config] });
const casts = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.cast'));

interface Cast {
  readonly header: { width: number; height: number; title: string; command?: string; env: Record<string, string> };
  readonly events: readonly [seconds: number, kind: string, text: string][];
  readonly facts: {
    readonly nacre: { user: string; keys: string[] };
    readonly outcome: { exit: object; isCut: boolean };
  };
}

async function readCast(folder: string): Promise<Cast> {
  await until(() => casts(folder).length === 1, 'the recording is whole');
  const path = join(folder, casts(folder)[0] as string);
  const [header = '', ...events] = readFileSync(path, 'utf8').trimEnd().split('\n');
  const facts = JSON.parse(readFileSync(path.replace(/cast$/, 'json'), 'utf8')) as Cast['facts'];
  return { header: JSON.parse(header) as Cast['header'], events: events.map((line) => JSON.parse(line)), facts };
}

test('a terminal is recorded as asciinema plays it, with its sizes; what is typed is not, unless it is asked for', {
  skip: missing('ssh', 'nacre:sshd', 'asciinema'),
}, async () => {
  for (const hasInput of [false, true]) {
    const folder = newFolder();
    const server = await start(folder, 'RecordSessions yes', `RecordInput ${hasInput ? 'yes' : 'no'}`);
    const terminal = startTerminal(sshCommand(server, [], { flags: ['-tt'] }), { columns: 90, rows: 25 });
    await terminal.expect(/[$#] /);
    terminal.send(
      "stty -echo; printf '\\303'; printf '\\251 \\033[31mred\\033[0m done\\n'; sh -c 'read secret; exit 4'; exit $?\r",
    );
    await terminal.expect(/é red done/);
    terminal.resize(100, 30);
    await until(
      () => readdirSync(folder).some((name) => readFileSync(join(folder, name), 'utf8').includes('100x30')),
      'the size',
    );
    terminal.send('hunter2\r');
    assert.equal((await terminal.ended()).status, 4);
    const { header, events, facts } = await readCast(folder);
    assert.deepEqual([header.width, header.height, header.env.TERM], [90, 25, 'xterm-256color']);
    assert.match(header.title, new RegExp(`^${server.user}@.* from 127\\.0\\.0\\.1$`));
    const of = (kind: string) => events.filter((event) => event[1] === kind).map((event) => event[2]);
    assert.ok(of('o').join('').includes('é \u001b[31mred\u001b[0m done'), 'verbatim');
    assert.deepEqual(of('r'), ['100x30']);
    assert.equal(of('i').join('').includes('hunter2'), hasInput);
    assert.ok(!of('o').join('').includes('hunter2'));
    for (const [at, [seconds]] of events.entries()) assert.ok(seconds >= (events[at - 1]?.[0] ?? 0));
    assert.deepEqual([facts.nacre.user, facts.outcome.exit], [server.user, { code: 4 }]);
    assert.match(facts.nacre.keys[0] ?? '', /^SHA256:/);
    const path = join(folder, casts(folder)[0] as string);
    // It wants a terminal, which may be raw or not.
    const player = startTerminal(['asciinema', 'cat', path], { env: { LC_ALL: 'C.UTF-8' } });
    assert.equal((await player.ended()).status, 0, player.output());
    const plain = (text: string) => text.replace(/\r+\n/g, '\n');
    assert.equal(plain(player.output()), plain(of('o').join('')));
    await server.stop();
  }
});

test('commands: a line in the log, and output up to RecordLimit; with yes alone they pass', withSsh, async () => {
  const folder = newFolder();
  const server = await start(folder, 'RecordSessions commands', 'RecordLimit 10');
  const { stdout } = await runSsh(server, ['seq 1 2000']);
  assert.equal(stdout.toString().split('\n').length, 2001, 'the client gets all of it');
  const { header, events, facts } = await readCast(folder);
  assert.equal(header.command, 'seq 1 2000');
  assert.equal(events.map(([, , text]) => text).join(''), '1\n2\n3\n4\n5\n');
  assert.equal(facts.outcome.isCut, true);
  await server.waitForLog(/Recorded session of user .*: status 0, 8893 bytes of output in .* seconds, cut to /);
  await server.stop();
  const other = newFolder();
  const plain = await start(other, 'RecordSessions yes');
  assert.equal((await runSsh(plain, ['echo hello'])).stdout.toString(), 'hello\n');
  assert.deepEqual(readdirSync(other), []);
  // A shell without a terminal is no way around.
  const shell = await runProgram(sshCommand(plain, [], { flags: ['-T'] }), { input: 'echo unseen\n' });
  assert.match(shell.stdout.toString(), /unseen/);
  await until(() => casts(other).length === 1, 'the shell is recorded');
});

test('what must be recorded and cannot be is refused, or goes on where the settings say so', withSsh, async () => {
  const folder = newFolder();
  chmodSync(folder, 0o755);
  const config = [
    'RecordSessions yes',
    `Match User ${process.env.USER ?? 'root'} LocalPort 1`,
    'RecordFailure continue',
  ];
  const strict = await start(folder, ...config);
  const refused = await runSsh(strict, ['echo in'], { flags: ['-tt'] });
  assert.notEqual(refused.status, 0);
  assert.doesNotMatch(refused.stdout.toString(), /^in/m);
  await strict.waitForLog(/recordings cannot be kept in .*: others may look into it/);
  await strict.stop();
  const loose = await start(folder, 'RecordSessions yes', 'RecordFailure continue');
  assert.match((await runSsh(loose, ['echo in'], { flags: ['-tt'] })).stdout.toString(), /^in/m);
  await loose.waitForLog(/goes on without a recording: recordings cannot be kept/);
  assert.deepEqual(readdirSync(folder), []);
});

test('a disk that fills up ends the session, unless RecordFailure continue', {
  skip: missing('ssh', 'nacre:sshd', 'root', 'unshare', 'mount'),
}, async (t) => {
  const folder = newFolder();
  const small = `mount -t tmpfs -o size=64k,mode=700 tmpfs ${folder} && exec "$@"`;
  const prefix = ['unshare', '-m', 'sh', '-c', small, 'sh'];
  if ((await runProgram([...prefix, 'true'])).status !== 0) return t.skip('nothing may be mounted here');
  for (const failure of ['end', 'continue']) {
    const config = [`RecordFolder ${folder}`, 'RecordSessions yes', `RecordFailure ${failure}`];
    const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config, prefix });
    const result = await runSsh(server, ['seq 1 40000; sleep 1; echo over; exec sleep 0'], { flags: ['-tt'] });
    const text = result.stdout.toString();
    if (failure === 'end') {
      assert.equal(result.status, 255, text.slice(-200));
      assert.match(text, /This session ends: it can no longer be recorded/);
      assert.doesNotMatch(text, /^over/m);
      await server.waitForLog(/is ended: the recording .* cannot be kept: ENOSPC/);
    } else {
      assert.match(text, /^over/m);
      await server.waitForLog(/goes on without a recording: the recording .* cannot be kept: ENOSPC/);
    }
    await server.stop();
  }
  assert.ok(existsSync(folder));
});
