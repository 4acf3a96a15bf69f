/** Live: prompts and raw mode on a real terminal, driven from the other end of one of our own. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type Account,
  baseEnvironment,
  findAccount,
  openPty,
  type Pty,
  platform,
  readTerminalModes,
  type SessionProcess,
  startSession,
} from 'nacre/dist/os/index.js';

const onLinux = { skip: process.platform === 'linux' ? false : 'needs Linux' };
const account = { ...(findAccount(process.getuid?.() ?? -1) as Account), shell: '/bin/bash' };
const terminalModule = fileURLToPath(import.meta.resolve('nacre/dist/terminal/index.js'));
const folder = mkdtempSync(join(tmpdir(), 'nacre-terminal-'));
const sessions: SessionProcess[] = [];
after(() => {
  // What a failed test left running.
  for (const session of sessions) session.hangUp();
  rmSync(folder, { recursive: true });
});

interface Program {
  pty: Pty;
  session: SessionProcess;
  saw(text: string): Promise<void>;
  text(): string;
  type(keys: string): void;
  /** ECHO and ICANON as they are now, or as they were when the program had ended. */
  cooked(): boolean;
}

let count = 0;

/** Runs lines of JavaScript, with the terminal module as `t`, under a new terminal; its stdin is a pipe if asked. */
async function program(
  lines: string,
  options: { stdin?: 'pipe'; command?: string; environment?: Record<string, string> } = {},
): Promise<Program> {
  const script = join(folder, `${++count}.mjs`);
  writeFileSync(script, `import * as t from ${JSON.stringify(terminalModule)};\n${lines}\n`);
  const terminal = openPty({ columns: 90, rows: 20 });
  const cooked = (): boolean => {
    const system = platform();
    const modes = new Map(readTerminalModes(system.layout, system.getTermios(terminal.slaveFd)));
    assert.equal(modes.get(53), modes.get(51), 'ECHO and ICANON change together');
    return modes.get(53) === 1;
  };
  let cookedAtEnd: boolean | undefined;
  const pty: Pty = {
    ...terminal,
    // The session closes its terminal as soon as the program has ended: the last moment to look.
    close() {
      cookedAtEnd ??= cooked();
      terminal.close();
    },
  };
  const command =
    options.command ?? `${options.stdin === 'pipe' ? 'echo piped | ' : 'exec '}'${process.execPath}' '${script}'`;
  const environment = { ...baseEnvironment(account), TERM: 'dumb', ...options.environment };
  const session = await startSession({ account, command, environment, pty });
  sessions.push(session);
  let all = '';
  session.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    all += chunk;
  });
  return {
    pty,
    session,
    text: () => all,
    async saw(text) {
      for (let i = 0; i < 500 && !all.includes(text); i++) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.ok(all.includes(text), `waited for ${text}, got ${JSON.stringify(all)}`);
    },
    type: (keys) => session.stdin.write(keys),
    cooked: () => cookedAtEnd ?? cooked(),
  };
}

const askTwice = `
  console.log('got', JSON.stringify(await t.askSecret('Key \\x1b[31mred: ')));
  console.log('then', JSON.stringify(await t.askSecret('Again: ')));`;

test(
  'a hidden prompt: works with stdin piped, edits, hides, escapes its text, keeps what is typed ahead',
  onLinux,
  async () => {
    const run = await program(askTwice, { stdin: 'pipe' });
    await run.saw('Key \\033[31mred: ');
    assert.equal(run.cooked(), false);
    run.type('oops\x15x\x7fhé\x7funter2\rsecond\r');
    assert.deepEqual(await run.session.exit, { code: 0 });
    assert.match(run.text(), /got "hunter2"/);
    assert.match(run.text(), /then "second"/);
    assert.equal(run.text().match(/hunter2/g)?.length, 1, 'not echoed');
  },
);

test('Ctrl-D refuses, a visible question echoes', onLinux, async () => {
  const run = await program(`
    console.log('got', await t.askSecret('Key: ') === undefined);
    console.log('got', JSON.stringify(await t.askVisible('Sure (yes/no/[fingerprint])? ')));`);
  await run.saw('Key: ');
  run.type('\x04');
  await run.saw('Sure (yes/no/[fingerprint])? ');
  assert.match(run.text(), /got true/);
  run.type('yes\r');
  assert.deepEqual(await run.session.exit, { code: 0 });
  assert.match(run.text(), /\? yes\r\ngot "yes"/);
});

for (const signal of ['INT', 'TERM', 'HUP', 'QUIT']) {
  test(`SIG${signal} during a hidden prompt ends the program and leaves the terminal as it was`, onLinux, async () => {
    const run = await program(askTwice);
    await run.saw('red: ');
    assert.equal(run.cooked(), false);
    const keys = new Map([
      ['INT', '\x03'],
      ['QUIT', '\x1c'],
    ]).get(signal);
    if (keys === undefined) run.session.signal(signal);
    else run.type(keys);
    assert.deepEqual(await run.session.exit, { signal, coreDumped: false });
    assert.equal(run.cooked(), true);
  });
}

test('raw mode passes every key, tells sizes, and is left at exit, on a signal and on a crash', onLinux, async () => {
  const raw = `
    const terminal = t.Terminal.open(0);
    console.log('size', terminal.readSize().columns, new Map(terminal.readModes()).get(1), terminal.readModes().length);
    terminal.onResize((size) => process.stdout.write('resized ' + size.columns + 'x' + size.rows + '\\r\\n'));
    terminal.enterRaw();
    process.stdout.write('RAW ' + new Map(terminal.readModes()).get(53) + '\\r\\n');
    process.stdin.on('data', (keys) => {
      process.stdout.write(JSON.stringify(keys.toString()) + '\\r\\n');
      if (keys.includes('x')) throw new Error('crash');
      if (keys.includes('q')) process.exit(3);
      if (keys.includes('z')) terminal.suspend().then(() => process.stdout.write('back ' + terminal.isRaw + '\\r\\n'));
    });`;
  const run = await program(raw);
  await run.saw('RAW 1');
  assert.match(run.text(), /size 90 3 5\d/);
  assert.equal(run.cooked(), false);
  run.type('\x03');
  await run.saw('"\\u0003"');
  run.pty.resize({ columns: 120, rows: 40, widthPixels: 0, heightPixels: 0 });
  await run.saw('resized 120x40');
  run.type('z');
  await run.saw('back true');
  assert.equal(run.cooked(), false);
  run.type('q');
  assert.deepEqual(await run.session.exit, { code: 3 });
  assert.equal(run.cooked(), true);

  for (const [end, exit] of [
    ['x', { code: 1 }],
    ['TERM', { signal: 'TERM', coreDumped: false }],
  ] as const) {
    const other = await program(raw);
    await other.saw('RAW');
    if (end === 'TERM') other.session.signal(end);
    else other.type(end);
    assert.deepEqual(await other.session.exit, exit);
    assert.equal(other.cooked(), true, end);
  }
});

test('a job-control shell stops and continues a program in raw mode', onLinux, async () => {
  const script = join(folder, 'job.mjs');
  writeFileSync(
    script,
    `import * as t from ${JSON.stringify(terminalModule)};
     const terminal = t.Terminal.open(0);
     terminal.enterRaw();
     process.stdout.write('RAW\\r\\n');
     process.stdin.on('data', (keys) => {
       if (keys.includes('z')) terminal.suspend().then(() => process.stdout.write('BACK\\r\\n'));
       if (keys.includes('q')) {
         process.stdout.write('BYE\\r\\n');
         process.exit(0);
       }
     });`,
  );
  const shell = await program('', { command: "PS1='PROMPT$ ' exec bash --norc --noprofile -i" });
  await shell.saw('PROMPT$ ');
  shell.type(`'${process.execPath}' '${script}'\n`);
  await shell.saw('RAW\r\n');
  assert.equal(shell.cooked(), false);
  shell.type('z');
  await shell.saw('Stopped');
  shell.type('stty -a | grep -o ".icanon\\|.echo "; fg\n');
  await shell.saw('BACK');
  assert.match(shell.text(), / icanon\r\n echo /, 'the shell had its terminal back');
  assert.equal(shell.cooked(), false);
  shell.type('q');
  await shell.saw('BYE\r\nPROMPT$ ');
  shell.type('exit\n');
  assert.deepEqual(await shell.session.exit, { code: 0 });
});

test('SSH_ASKPASS answers when it is forced, with the kind of question told', onLinux, async () => {
  const askpass = join(folder, 'askpass');
  writeFileSync(askpass, '#!/bin/sh\necho "$1|$SSH_ASKPASS_PROMPT"\necho more\ncase $1 in *refuse*) exit 1;; esac\n');
  chmodSync(askpass, 0o755);
  const run = await program(
    `console.log('1', await t.askSecret('Key: '));
     console.log('2', await t.askSecret('refuse'));
     console.log('3', await t.askPermission('Allow?'));`,
    { environment: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' } },
  );
  assert.deepEqual(await run.session.exit, { code: 0 });
  assert.match(run.text(), /1 Key: \|\r\n2 undefined\r\n3 false/);
});

test('no terminal and no program: nobody can be asked', onLinux, async () => {
  const script = join(folder, 'nobody.mjs');
  writeFileSync(
    script,
    `import * as t from ${JSON.stringify(terminalModule)};\nconsole.log(await t.askSecret('Key: '));\n`,
  );
  const environment = baseEnvironment(account);
  const session = await startSession({ account, command: `'${process.execPath}' '${script}'`, environment });
  let out = '';
  session.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  session.stderr?.resume();
  session.stdin.end();
  assert.deepEqual(await session.exit, { code: 0 });
  assert.equal(out, 'undefined\n');
});
