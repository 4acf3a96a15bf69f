/** The building blocks of sftp's prompt in a real terminal: the line editor, and the progress meter beside Debian's scp. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { atEnd, makeFolder, missing, openSshProgram, runProgram, startTerminal } from '../harness/index.ts';

const skip = missing('python3');
const modulePath = (name: string) =>
  JSON.stringify(fileURLToPath(import.meta.resolve(`nacre/dist/terminal/${name}.js`)));

const prompt = `
import { LineEditor } from ${modulePath('line-editor')};
import { Terminal } from ${modulePath('raw-mode')};
const editor = new LineEditor({
  input: process.stdin,
  output: process.stdout,
  terminal: Terminal.open(0),
  complete: async (line, cursor) => ({ start: 0, candidates: ['alpha', 'alps'].filter((name) => name.startsWith(line.slice(0, cursor))).map((insert) => ({ insert })) }),
});
for (;;) {
  const answer = await editor.readLine('sftp> ');
  console.log('GOT ' + JSON.stringify(answer));
  if (answer.kind === 'end' || answer.text === 'quit') break;
}
editor.close();
process.stdin.pause();
`;

function startPrompt() {
  const script = join(makeFolder('prompt'), 'prompt.mjs');
  writeFileSync(script, prompt);
  const terminal = startTerminal([
    '/bin/sh',
    '-c',
    `'${process.execPath}' '${script}'; echo STATUS $?; stty -a; read x`,
  ]);
  atEnd(() => terminal.close());
  return terminal;
}

test('lines, completion, history, widths and ^C at a real terminal, which is cooked again afterwards', {
  skip,
}, async () => {
  const terminal = startPrompt();
  await terminal.expect(/sftp> /);
  terminal.send('al\t\t');
  await terminal.expect(/alpha {2}alps/);
  terminal.send('h\t 文字\x7f!\r');
  await terminal.expect(/GOT \{"kind":"line","text":"alpha 文!"\}/);
  // Before the next prompt the terminal is cooked, where ^C is a signal and no key.
  await terminal.expect(/sftp> /);
  terminal.send('gone\x03');
  await terminal.expect(/\^C\s+GOT \{"kind":"interrupt"\}\s+sftp> /);
  terminal.send('\x12lph\r');
  await terminal.expect(/GOT \{"kind":"line","text":"alpha 文!"\}\s+sftp> /);
  terminal.resize(20, 10);
  terminal.send(`${'x'.repeat(50)}\x01y\r`);
  await terminal.expect(/GOT \{"kind":"line","text":"yx{50}"\}/);
  terminal.send('quit\r');
  await terminal.expect(/STATUS 0/);
  await terminal.expect(/[^-]icanon.*[^-]echo\b/s);
  assert.equal(terminal.output().lastIndexOf('\x1b[?2004l') > terminal.output().lastIndexOf('\x1b[?2004h'), true);
  terminal.send('\r');
  await terminal.ended();
});

test('a program that is killed at its prompt leaves a cooked terminal', { skip }, async () => {
  const script = join(makeFolder('prompt'), 'prompt.mjs');
  writeFileSync(script, prompt);
  const killed = startTerminal([
    '/bin/sh',
    '-c',
    `trap '' TERM; (trap - TERM; exec '${process.execPath}' '${script}'); echo STATUS $?; stty -a; read x`,
  ]);
  atEnd(() => killed.close());
  await killed.expect(/sftp> /);
  killed.send('half');
  await killed.expect(/half/);
  const found = await runProgram(['pgrep', '-f', script]);
  const pid = found.stdout.toString().trim().split('\n').map(Number).at(-1) as number;
  process.kill(pid, 'SIGTERM');
  await killed.expect(/STATUS 143/);
  await killed.expect(/[^-]icanon.*[^-]echo\b/s);
  killed.send('\r');
  await killed.ended();
});

test('the progress meter draws the lines that scp draws, and nothing in the background', {
  skip: skip || missing('scp'),
}, async () => {
  const folder = makeFolder('meter');
  // OpenSSH 9.2 fills up wide characters by their bytes.
  const version = missing('openssh-10') ? '9.2' : '10.0';
  const name = version === '9.2' ? 'some file.bin' : 'some file ü文字.bin';
  writeFileSync(join(folder, name), Buffer.alloc(2_500_000));
  const remote = join(folder, 'remote-shell');
  writeFileSync(remote, '#!/bin/sh\nfor a; do :; done\nexec sh -c "$a"\n');
  chmodSync(remote, 0o755);
  const script = join(folder, 'meter.mjs');
  writeFileSync(
    script,
    `import { ProgressMeter, standardOutputScreen } from ${modulePath('progress')};
     const meter = new ProgressMeter({ screen: standardOutputScreen() });
     const path = 'd/' + process.argv[2];
     meter.follow({ path, bytes: 0, totalBytes: 2500000, filesDone: 0, filesTotal: 1 });
     meter.follow({ path, bytes: 2500000, totalBytes: 2500000, filesDone: 1, filesTotal: 1 });
     meter.end();`,
  );
  /** All that was drawn, the rate's digits taken out. */
  const draw = async (columns: number, argv: readonly string[]) => {
    const terminal = startTerminal(argv, { columns, env: { LC_ALL: 'C.UTF-8' } });
    assert.equal((await terminal.ended()).status, 0);
    return terminal.output().replace(/[ \d]{3}\.\d[KMGT]B\/s/g, '#####B/s');
  };
  for (const columns of [80, 60, 120]) {
    const copy = [
      ...[openSshProgram('scp', version), '-O', '-S', remote],
      ...[`host:${folder}/${name.replace(' ', '\\ ').replace('file ', 'file\\ ')}`, join(folder, 'copy')],
    ];
    let theirs = await draw(columns, copy);
    // A file that took no time by scp's clock has a rate below nothing there, and a line too long.
    for (let again = 0; again < 5 && /-\d/.test(theirs); again++) theirs = await draw(columns, copy);
    const ours = await draw(columns, [process.execPath, script, name]);
    assert.equal(ours, theirs);
  }
  const background = await draw(80, ['/bin/sh', '-c', `set -m; '${process.execPath}' '${script}' x & wait $!`]);
  assert.equal(background.includes('100%'), false);
});
