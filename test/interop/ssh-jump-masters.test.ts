/** Shared connections to jump hosts: a hop's own ControlMaster, ControlPath and ControlPersist, with bin/ssh as with OpenSSH's ssh. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  hostLines,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  runProgram,
  startOpenSshServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';
import { until } from './_shared.ts';

const skip = missing('nacre:ssh', 'sshd');
const programs = { "OpenSSH's": openSshProgram('ssh'), ours: nacreProgram('ssh') };
const env = { SSH_AUTH_SOCK: undefined };
let servers: Promise<TestServer[]> | undefined;

for (const [whose, program] of Object.entries(programs)) {
  test(`${whose}: ControlMaster auto of a hop shares it while the way over it stands`, { skip }, async (t) => {
    const way = await setUp(t, program, 'ControlMaster auto');
    const first = startProgram(way.argv('-J', 'hop1', 'end', 'echo in; exec sleep 60'), { env });
    t.after(() => first.stop());
    await first.waitForLog(/^in$/m);
    const logins = way.logins(0);
    const second = await way.run('hop1', 'echo shared');
    assert.equal(second.stdout.toString(), 'shared\n', second.stderr);
    const third = await way.run('-J', 'hop1', 'end', 'echo through');
    assert.equal(third.stdout.toString(), 'through\n', third.stderr);
    assert.equal(way.logins(0), logins, 'neither logged in to the hop again');
    await first.stop();
    await until('its socket is gone', () => !existsSync(way.socket('hop1')));
  });

  test(`${whose}: ControlPersist of a hop leaves a master that the next one uses`, { skip }, async (t) => {
    const way = await setUp(t, program, 'ControlMaster auto\nControlPersist 60');
    const before = way.logins(0);
    const runs = [await way.run('-J', 'hop1', 'end', 'echo one'), await way.run('-J', 'hop1', 'end', 'echo two')];
    assert.deepEqual(
      runs.map(({ stdout, stderr, status }) => [stdout.toString(), stderr, status]),
      [
        ['one\n', '', 0],
        ['two\n', '', 0],
      ],
    );
    assert.equal(way.logins(0), before + 1);
    const check = await way.run('-O', 'check', 'hop1');
    assert.match(check.stderr, /^Master running/);
  });

  test(`${whose}: a hop whose master runs is reached through it, and none in front of it`, { skip }, async (t) => {
    const way = await setUp(t, program, 'ControlMaster auto\nControlPersist 60');
    const first = await way.run('-J', 'hop1,hop2', 'end', 'echo first');
    assert.equal(first.stdout.toString(), 'first\n', first.stderr);
    assert.ok(existsSync(way.socket('hop1')) && existsSync(way.socket('hop2')));
    // Its socket goes, and it stays: the other one's connection goes over it.
    await way.run('-O', 'stop', 'hop1');
    await until('the first hop has no master', () => !existsSync(way.socket('hop1')));
    const logins = [way.logins(0), way.logins(1)];
    const second = await way.run('-J', 'hop1,hop2', 'end', 'echo second');
    assert.equal(second.stdout.toString(), 'second\n', second.stderr);
    assert.deepEqual([way.logins(0), way.logins(1)], logins);
  });

  test(`${whose}: the place is taken, or there is none`, { skip }, async (t) => {
    const way = await setUp(t, program, 'ControlMaster auto\nControlPersist 60');
    // A file, which OpenSSH removes and which stays with us: the hop is logged in to either way.
    writeFileSync(way.socket('hop1'), '');
    const taken = await way.run('-J', 'hop1', 'end', 'echo taken');
    assert.deepEqual([taken.stdout.toString(), taken.status], ['taken\n', 0], taken.stderr);
    const nowhere = await way.run('-F', way.withFolder('/nowhere'), '-J', 'hop1', 'end', 'echo nowhere');
    assert.deepEqual([nowhere.stdout.toString(), nowhere.status], ['', 255]);
    assert.match(
      nowhere.stderr,
      /^unix_listener: cannot bind to path \/nowhere\/hop1\S*: No such file or directory\r$/m,
    );
    assert.match(nowhere.stderr, /^Connection closed by UNKNOWN port 65535\r$/m);
  });
}

interface JumpWay {
  argv(...args: readonly string[]): string[];
  run(...args: readonly string[]): ReturnType<typeof runProgram>;
  /** How many logins a server has seen. */
  logins(server: number): number;
  socket(host: string): string;
  withFolder(folder: string): string;
}

/** hop1, hop2 and end, of which the hops have the lines. */
async function setUp(t: TestContext, program: string, lines: string): Promise<JumpWay> {
  servers ??= Promise.all([1, 2, 3].map(() => startOpenSshServer({ hostKeyTypes: ['ed25519'] })));
  const stations = await servers;
  const folder = makeFolder('jm');
  const socket = (host: string) => join(folder, host);
  const write = (place: string) => {
    const hosts = ['hop1', 'hop2', 'end'].flatMap((name, at) => hostLines(name, stations[at] as TestServer));
    const file = join(makeFolder('jc'), 'config');
    const shared = ['Host hop*', `ControlPath ${place}/%n`, lines];
    writeFileSync(file, [...hosts, ...shared, 'Host *', 'BatchMode yes', 'StrictHostKeyChecking yes', ''].join('\n'));
    return file;
  };
  const file = write(folder);
  const argv = (...args: readonly string[]) => [program, '-F', file, ...args];
  const run = (...args: readonly string[]) => runProgram(argv(...args), { env });
  t.after(async () => {
    for (const host of ['hop1', 'hop2']) if (existsSync(socket(host))) await run('-O', 'exit', host);
  });
  return {
    argv,
    run,
    logins: (at) => stations[at]?.log().match(/Accepted publickey/g)?.length ?? 0,
    socket,
    withFolder: write,
  };
}
