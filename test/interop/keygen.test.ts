/** bin/ssh-keygen beside OpenSSH's: the same words for the same files, and keys that both read. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  findProgram,
  keyTypes,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  type ProgramResult,
  requireSuccess,
  root,
  runProgram,
  runSsh,
  startOpenSshServer,
  startTerminal,
} from '../harness/index.ts';

const skip = missing('nacre:ssh-keygen', 'ssh-keygen');
const ours = nacreProgram('ssh-keygen');
const theirs = findProgram('ssh-keygen') ?? 'ssh-keygen';
const folder = makeFolder('keygen');
let made = 0;

/** A path that nothing has yet. */
function fresh(): string {
  return join(folder, `key-${++made}`);
}

/** Runs without a terminal, so that passphrases come from stdin. */
function run(program: string, args: readonly string[], input?: string): Promise<ProgramResult> {
  const setsid = findProgram('setsid');
  const argv = setsid === undefined ? [program, ...args] : [setsid, '-w', program, ...args];
  return runProgram(argv, {
    env: { DISPLAY: undefined, WAYLAND_DISPLAY: undefined, SSH_ASKPASS_REQUIRE: undefined },
    ...(input !== undefined && { input }),
  });
}

/** What must be equal: status, output, complaints (of which ours may say more in parentheses, and theirs end in CR LF). */
function outcome(result: ProgramResult) {
  const stderr = result.stderr
    .replaceAll('\r\n', '\n')
    .replace(/ \((?!empty)[^\n]*\)$/gm, '')
    // Since OpenSSH 10 the question names the file.
    .replace(/Enter passphrase for "[^"]*"/g, 'Enter passphrase');
  return { status: result.status, stdout: result.stdout.toString('utf8'), stderr };
}

async function assertSame(args: readonly string[], input?: string): Promise<ReturnType<typeof outcome>> {
  const [expected, actual] = await Promise.all([run(theirs, args, input), run(ours, args, input)]);
  assert.deepEqual(outcome(actual), outcome(expected), `ssh-keygen ${args.join(' ')}`);
  return outcome(actual);
}

test('shows the same fingerprints for private and public files of every type', { skip }, async () => {
  for (const type of keyTypes) {
    const { file } = await makeKey({ type, comment: `comment of ${type}` });
    for (const path of [file, `${file}.pub`]) {
      const { stdout } = await assertSame(['-l', '-v', '-f', path]);
      assert.match(stdout, /^\d+ SHA256:\S+ comment of /);
      await assertSame(['-l', '-v', '-E', 'md5', '-f', path]);
    }
    await assertSame(['-B', '-f', file]);
    await assertSame(['-l', '-E', 'sha512', '-f', file]);
  }
});

test('shows fingerprints of encrypted keys, of keys without a public file, and without a comment', {
  skip,
}, async () => {
  const encrypted = await makeKey({ passphrase: 'correct horse' });
  await assertSame(['-l', '-f', encrypted.file]);
  const alone = fresh();
  copyFileSync(encrypted.file, alone);
  const { stdout } = await assertSame(['-l', '-f', alone]);
  assert.match(stdout, / no comment \(ED25519\)/);
  const nameless = await makeKey({ comment: '' });
  await assertSame(['-l', '-f', nameless.file]);
  await assertSame(['-l', '-f', `${nameless.file}.pub`]);
  copyFileSync(nameless.file, alone);
  await assertSame(['-l', '-f', alone]);
});

test('shows fingerprints of known_hosts and authorized_keys, from a file and from stdin', { skip }, async () => {
  const [one, two] = [await makeKey({ comment: 'one \u00e9' }), await makeKey({ type: 'ecdsa-384', comment: 'two' })];
  const bare = one.publicLine.split(' ').slice(0, 2).join(' ');
  const lines = [
    '# a comment',
    '',
    `example.com,10.0.0.1 ${one.publicLine}`,
    `command="echo \\"hello there\\"",no-pty ${two.publicLine}`,
    `|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ${bare}`,
    `   ${two.publicLine}`,
    `1024 35 ${one.publicLine}`,
    'this is no key',
    'short',
    `host ${bare} # remark`,
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA broken',
    `tab\t${two.publicLine.replaceAll(' ', '\t')}`,
  ];
  const file = fresh();
  writeFileSync(file, `${lines.join('\n')}\n`);
  const { stdout } = await assertSame(['-l', '-f', file]);
  assert.equal(stdout.split('\n').length - 1, 6);
  await assertSame(['-l', '-v', '-f', file]);
  const piped = await assertSame(['-l', '-f', '-'], `${lines.join('\n')}\n`);
  // Version 9.2 shows the carriage return of a file from Windows.
  const fromWindows = await run(ours, ['-l', '-f', '-'], `${lines.join('\r\n')}\r\n`);
  assert.equal(fromWindows.stdout.toString(), piped.stdout);
});

test('escapes what a terminal would obey in a comment', { skip }, async () => {
  const { publicLine } = await makeKey();
  const file = fresh();
  writeFileSync(file, `${publicLine}\x1b[2J\x07\n`);
  const { stdout } = await assertSame(['-l', '-f', file]);
  assert.match(stdout, /\\033\[2J\\007/);
});

test('says the same of files that are no keys, and ends with the same status', { skip }, async () => {
  const text = fresh();
  writeFileSync(text, 'nothing of the kind\n', { mode: 0o600 });
  const { file } = await makeKey();
  const open = fresh();
  copyFileSync(file, open);
  chmodSync(open, 0o644);
  const cut = fresh();
  writeFileSync(cut, readFileSync(file, 'utf8').slice(0, 150), { mode: 0o600 });
  for (const args of [
    ...['-l', '-y', '-p', '-c', '-L', '-e'].map((mode) => [mode, '-f', join(folder, 'missing')]),
    ['-l', '-f', text],
    ['-L', '-f', text],
    ['-l', '-f', cut],
    ['-y', '-f', open],
    ['-p', '-N', '', '-f', open],
    ['-l', '-E', 'md4', '-f', file],
    ['-e', '-m', 'DER', '-f', file],
    ['-t', 'foo', '-f', fresh(), '-N', ''],
    ['-t', 'rsa', '-b', '1023', '-f', fresh(), '-N', ''],
    ['-t', 'rsa', '-b', '16385', '-f', fresh(), '-N', ''],
    ['-t', 'ecdsa', '-b', '512', '-f', fresh(), '-N', ''],
    ['-t', 'rsa', '-b', 'many', '-f', fresh(), '-N', ''],
    ['-t', 'rsa', '-b', '0', '-f', fresh(), '-N', ''],
  ]) {
    await assertSame(args);
  }
});

test('prints what certificates say, in the same words', { skip }, async () => {
  const [ca, rsa, plain] = [await makeKey(), await makeKey({ type: 'rsa', bits: 2048 }), await makeKey()];
  const sign = (...args: string[]) => requireSuccess([theirs, '-q', '-s', ca.file, ...args, `${rsa.file}.pub`]);
  const certificate = `${rsa.file}-cert.pub`;
  const variants = [
    ['-I', 'a user', '-n', 'ada,bob', '-V', '20200101:20300101', '-z', '18446744073709551615'],
    ['-I', 'odd "id"', '-n', 'ada', '-O', 'force-command=ls -l', '-O', 'source-address=10.0.0.0/8', '-O', 'clear'],
    ['-I', 'options', '-n', 'a', '-O', 'force-command=ls -l', '-O', 'source-address=::1', '-O', 'no-pty'],
    ['-I', 'unknown', '-n', 'a', '-O', 'critical:zip', '-O', 'extension:who@example.com=me', '-O', 'critical:x=y'],
    ['-I', 'verify', '-n', 'a', '-O', 'verify-required', '-O', 'no-touch-required'],
    ['-I', 'a host', '-h', '-n', 'host.example.com', '-V', 'always:forever'],
    ['-I', 'no names', '-h', '-V', 'always:20300101'],
    ['-I', 'no end', '-h', '-V', '20200101:forever'],
  ];
  for (const variant of variants) {
    await sign(...variant);
    await assertSame(['-L', '-f', certificate]);
    await assertSame(['-l', '-v', '-f', certificate]);
  }
  const list = fresh();
  const line = readFileSync(certificate, 'utf8').trim();
  writeFileSync(list, `# certificates\n${plain.publicLine}\n${line}\n  ${line}\nrubbish\n`);
  await assertSame(['-L', '-f', list]);
  await assertSame(['-L', '-f', '-'], `${line}\n`);
});

test('exports and imports public keys in every format', { skip }, async () => {
  for (const type of keyTypes) {
    const { file, publicLine } = await makeKey({ type });
    for (const format of ['RFC4716', 'PKCS8', 'pem']) {
      const { status, stdout } = await assertSame(['-e', '-m', format, '-f', `${file}.pub`]);
      if (status !== 0 || (type !== 'rsa' && format === 'pem')) continue;
      const exported = fresh();
      writeFileSync(exported, stdout);
      const imported = await assertSame(['-i', '-m', format, '-f', exported]);
      assert.equal(imported.stdout.trim(), publicLine.split(' ').slice(0, 2).join(' '));
    }
  }
});

test('prints the public key of private files of every kind', { skip }, async () => {
  for (const type of keyTypes) {
    const { file } = await makeKey({ type });
    const { stdout } = await assertSame(['-y', '-f', file]);
    assert.equal(stdout, readFileSync(`${file}.pub`, 'utf8'));
  }
  for (const format of ['PEM', 'PKCS8']) {
    for (const type of ['rsa', 'ecdsa-256'] as const) {
      const { file } = await makeKey({ type });
      await requireSuccess([theirs, '-p', '-q', '-m', format, '-N', 'passphrase', '-f', file]);
      await assertSame(['-y', '-P', 'passphrase', '-f', file]);
      await assertSame(['-y', '-P', 'wrong', '-f', file]);
    }
  }
});

test('asks for a passphrase, and says the same of a wrong one', { skip }, async () => {
  const { file } = await makeKey({ passphrase: 'the right one', comment: 'locked' });
  const asked = await assertSame(['-y', '-f', file], 'the right one\n');
  assert.equal(asked.stderr, 'Enter passphrase: ');
  const wrong = await assertSame(['-y', '-f', file, '-P', 'wrong']);
  assert.equal(wrong.stderr, `Load key "${file}": incorrect passphrase supplied to decrypt private key\n`);
  const before = readFileSync(file);
  const failed = await assertSame(['-p', '-f', file, '-P', 'wrong', '-N', 'new']);
  assert.equal(failed.stderr, `Failed to load key ${file}: incorrect passphrase supplied to decrypt private key\n`);
  await assertSame(['-p', '-f', file], 'wrong\n');
  await assertSame(['-c', '-C', 'new', '-f', file, '-P', 'wrong']);
  const differing = await assertSame(['-p', '-f', file], 'the right one\nnew one\nnew won\n');
  assert.equal(differing.status, 1);
  assert.deepEqual(readFileSync(file), before);
});

test('makes keys that OpenSSH reads, with the words of OpenSSH', { skip }, async () => {
  const kinds = [
    { args: ['-t', 'ed25519'], name: 'ED25519', bits: 256 },
    { args: ['-t', 'ecdsa'], name: 'ECDSA', bits: 256 },
    { args: ['-t', 'ecdsa', '-b', '384'], name: 'ECDSA', bits: 384 },
    { args: ['-t', 'ecdsa-sha2-nistp521'], name: 'ECDSA', bits: 521 },
    { args: ['-t', 'rsa', '-b', '2048'], name: 'RSA', bits: 2048 },
    { args: ['-t', 'rsa', '-b', '1024', '-m', 'PEM'], name: 'RSA', bits: 1024 },
    { args: ['-t', 'ecdsa', '-m', 'PKCS8'], name: 'ECDSA', bits: 256 },
    { args: ['-t', 'ecdsa', '-m', 'PEM'], name: 'ECDSA', bits: 256 },
  ];
  for (const { args, name, bits } of kinds) {
    for (const passphrase of ['', 'long enough']) {
      const file = fresh();
      const made = outcome(await run(ours, [...args, '-f', file, '-N', passphrase, '-C', 'a comment', '-a', '2']));
      assert.equal(made.status, 0, made.stderr);
      assert.equal(made.stderr, '');
      assert.equal(statSync(file).mode & 0o777, 0o600);
      const print = await requireSuccess([theirs, '-l', '-v', '-f', `${file}.pub`]);
      const [line = '', ...art] = print.split('\n');
      assert.ok(line.startsWith(`${bits} `) && line.endsWith(` a comment (${name})`), line);
      const expected = [
        `Generating public/private ${args[1]} key pair.`,
        `Your identification has been saved in ${file}`,
        `Your public key has been saved in ${file}.pub`,
        'The key fingerprint is:',
        `${line.split(' ')[1]} a comment`,
        "The key's randomart image is:",
        ...art,
      ];
      assert.equal(made.stdout, expected.join('\n'));
      const shown = await requireSuccess([theirs, '-y', '-P', passphrase, '-f', file]);
      const inFile = readFileSync(`${file}.pub`, 'utf8');
      // The PEM containers have no place for a comment.
      assert.equal(shown.split(' ').slice(0, 2).join(' ').trim(), inFile.split(' ').slice(0, 2).join(' '));
      if (!args.includes('-m')) assert.equal(shown, inFile);
    }
  }
});

test('keys made here log in to sshd, the encrypted one with its passphrase', {
  skip: skip || missing('sshd'),
}, async () => {
  const askpass = fresh();
  writeFileSync(askpass, '#!/bin/sh\necho "open it"\n', { mode: 0o700 });
  const files: string[] = [];
  for (const args of [['ed25519'], ['ecdsa', '-b', '384'], ['rsa', '-b', '2048']]) {
    for (const passphrase of ['', 'open it']) {
      const file = fresh();
      await requireSuccess([ours, '-q', '-t', ...args, '-N', passphrase, '-f', file]);
      files.push(file);
    }
  }
  const authorizedKeys = files.map((file) => readFileSync(`${file}.pub`, 'utf8').trim());
  const server = await startOpenSshServer({ identity: false, authorizedKeys });
  for (const file of files) {
    const result = await runSsh(server, ['echo', 'logged in'], {
      options: [`IdentityFile=${file}`, 'BatchMode=no', 'PreferredAuthentications=publickey'],
      env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' },
    });
    assert.equal(result.stdout.toString(), 'logged in\n', result.stderr);
  }
});

test('what OpenSSH makes after the same questions is told in the same words', { skip }, async () => {
  for (const [extra, input] of [
    [[], 'secret\nsecret\n'],
    [[], '\n\n'],
    [[], ''],
    [[], 'one\nother\nsecret\nsecret\n'],
    [['-q'], 'secret\nsecret\n'],
    [['-q', '-N', ''], ''],
  ] as const) {
    const words = [];
    for (const program of [theirs, ours]) {
      const file = fresh();
      const result = outcome(await run(program, ['-t', 'ed25519', '-f', file, ...extra], input));
      const art = /^[+|].*$/gm;
      const stdout = result.stdout
        .replaceAll(file, 'FILE')
        .replace(/SHA256:\S+/, 'HASH')
        .replace(art, 'ART');
      words.push({ ...result, stdout });
      const passphrase = input.includes('secret') ? 'secret' : '';
      await requireSuccess([theirs, '-y', '-P', passphrase, '-f', file]);
    }
    assert.deepEqual(words[1], words[0]);
  }
});

test('overwrites only after a yes', { skip }, async () => {
  const { file } = await makeKey();
  const before = [readFileSync(file), readFileSync(`${file}.pub`)];
  for (const answer of ['n\n', 'no\n', '\n', '', 'maybe\n']) {
    const { status, stdout } = await assertSame(['-t', 'ed25519', '-f', file, '-N', ''], answer);
    assert.equal(status, 1);
    assert.match(stdout, /already exists\.\nOverwrite \(y\/n\)\? $/);
    assert.deepEqual([readFileSync(file), readFileSync(`${file}.pub`)], before);
  }
  const { status, stdout } = await run(ours, ['-q', '-t', 'ed25519', '-f', file, '-N', '', '-C', 'second'], 'yes\n');
  assert.equal(status, 0);
  assert.equal(stdout.toString(), `${file} already exists.\nOverwrite (y/n)? `);
  assert.notDeepEqual(readFileSync(file), before[0]);
  assert.match(await requireSuccess([theirs, '-y', '-f', file]), / second\n$/);
});

test('a file that others could read is replaced by one that they cannot', { skip }, async () => {
  const home = makeFolder('keygen-own');
  const file = join(home, 'id');
  writeFileSync(file, 'old', { mode: 0o644 });
  const link = join(home, 'link');
  symlinkSync('id', link);
  assert.equal((await run(ours, ['-q', '-t', 'ed25519', '-f', link, '-N', ''], 'y\n')).status, 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(lstatSync(link).isSymbolicLink());
  // No draft stays behind, neither after success nor after failure.
  const failed = await run(ours, ['-q', '-t', 'ed25519', '-f', join(home, 'none', 'id'), '-N', '']);
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /^Saving key ".*" failed: No such file or directory/);
  mkdirSync(join(home, 'folder'));
  const refused = await run(ours, ['-q', '-t', 'ed25519', '-f', join(home, 'folder'), '-N', ''], 'y\n');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /Is a directory/);
  assert.deepEqual(readdirSync(home).sort(), ['folder', 'id', 'link', 'link.pub']);
});

test('a private key is never readable by others while it is written', { skip: skip || missing('strace') }, async () => {
  const file = fresh();
  const trace = fresh();
  const main = join(root, 'packages', 'cli', 'dist', 'main.js');
  const calls = 'trace=open,openat,creat,chmod,fchmod,fchmodat,rename,renameat,renameat2,link,linkat';
  await requireSuccess(
    ['strace', '-f', '-o', trace, '-e', calls, process.execPath, main, 'ssh-keygen', '-q', '-N', '', '-f', file],
    { timeoutMs: 60_000 },
  );
  const touching = readFileSync(trace, 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"${file}`));
  const creating = touching.filter((line) => /O_CREAT/.test(line) && !line.includes('.pub'));
  assert.equal(creating.length, 1, touching.join('\n'));
  assert.match(creating[0] ?? '', /O_EXCL.*0600/);
  assert.ok(!touching.some((line) => /chmod/.test(line)));
});

test('changes passphrases both ways', { skip }, async () => {
  for (const type of ['ed25519', 'rsa', 'ecdsa-521'] as const) {
    const { file } = await makeKey({ type, passphrase: 'their first' });
    const copy = fresh();
    copyFileSync(file, copy);
    const [expected, actual] = [
      await run(theirs, ['-p', '-f', copy, '-P', 'their first', '-N', 'the second']),
      await run(ours, ['-p', '-f', file, '-P', 'their first', '-N', 'the second']),
    ];
    assert.deepEqual(outcome(actual), outcome(expected));
    await requireSuccess([theirs, '-y', '-P', 'the second', '-f', file]);
    await requireSuccess([theirs, '-p', '-q', '-P', 'the second', '-N', 'the third', '-f', file]);
    const open = await run(ours, ['-p', '-f', file], 'the third\n\n\n');
    assert.equal(open.status, 0, open.stderr);
    await requireSuccess([theirs, '-y', '-f', file]);
  }
});

test('converts private keys between formats and ciphers', { skip }, async () => {
  const { file } = await makeKey({ type: 'rsa', bits: 2048 });
  const publicLine = readFileSync(`${file}.pub`, 'utf8');
  for (const args of [
    ['-m', 'PEM', '-N', ''],
    ['-m', 'PEM', '-N', 'twelve chars'],
    ['-m', 'PKCS8', '-N', 'twelve chars'],
    ['-m', 'RFC4716', '-N', 'twelve chars', '-Z', 'aes256-gcm@openssh.com'],
    ['-N', 'twelve chars', '-Z', 'chacha20-poly1305@openssh.com', '-a', '3'],
  ]) {
    const changed = await run(ours, ['-p', '-P', 'twelve chars', '-f', file, ...args]);
    assert.equal(changed.status, 0, changed.stderr);
    const shown = await requireSuccess([theirs, '-y', '-P', 'twelve chars', '-f', file]);
    assert.equal(shown.split(' ')[1]?.trim(), publicLine.split(' ')[1]);
  }
  const before = readFileSync(file);
  const short = await run(ours, ['-p', '-P', 'twelve chars', '-N', 'four', '-m', 'PEM', '-f', file]);
  assert.equal(short.status, 1);
  assert.match(short.stderr, /passphrase is too short/);
  assert.deepEqual(readFileSync(file), before);
});

test('changes comments', { skip }, async () => {
  for (const passphrase of ['', 'locked up']) {
    const first = await makeKey({ passphrase, comment: 'before' });
    const second = fresh();
    copyFileSync(first.file, second);
    copyFileSync(`${first.file}.pub`, `${second}.pub`);
    for (const [args, input] of [
      [['-C', 'after'], ''],
      [['-C', 'after'], ''],
      [[], 'typed\n'],
      [['-C', ''], ''],
    ] as const) {
      const secret = passphrase === '' ? [] : ['-P', passphrase];
      const [expected, actual] = [
        await run(theirs, ['-c', ...secret, ...args, '-f', second], input),
        await run(ours, ['-c', ...secret, ...args, '-f', first.file], input),
      ];
      assert.deepEqual(outcome(actual), outcome(expected));
      assert.equal(readFileSync(`${first.file}.pub`, 'utf8'), readFileSync(`${second}.pub`, 'utf8'));
    }
    await requireSuccess([theirs, '-y', '-P', passphrase, '-f', first.file]);
  }
});

test('reads what PuTTY made, and -p turns it into an OpenSSH file', { skip: skip || missing('puttygen') }, async () => {
  const { file, publicLine } = await makeKey();
  const ppk = fresh();
  await requireSuccess(['puttygen', file, '-O', 'private', '-o', ppk]);
  const shown = await requireSuccess([ours, '-y', '-f', ppk]);
  assert.equal(shown.trim(), publicLine);
  await requireSuccess([ours, '-p', '-N', '', '-f', ppk]);
  assert.equal((await requireSuccess([theirs, '-y', '-f', ppk])).trim(), publicLine);
});

test('asks at a terminal without showing the passphrase', { skip: skip || missing('python3') }, async () => {
  const file = fresh();
  const terminal = startTerminal([ours, '-t', 'ed25519', '-C', 'typed']);
  await terminal.expect(/Enter file in which to save the key \(.*\/\.ssh\/id_ed25519\): /);
  terminal.send(`${file}\r`);
  await terminal.expect(/Enter passphrase for ".*" \(empty for no passphrase\): /);
  terminal.send('hidden words\r');
  await terminal.expect(/Enter same passphrase again: /);
  terminal.send('hidden wordz\r');
  await terminal.expect(/Passphrases do not match\. {2}Try again\./);
  await terminal.expect(/Enter passphrase/);
  terminal.send('hidden words\r');
  await terminal.expect(/again: /);
  terminal.send('hidden words\r');
  assert.equal((await terminal.ended()).status, 0);
  assert.ok(!terminal.output().includes('hidden'));
  await requireSuccess([theirs, '-y', '-P', 'hidden words', '-f', file]);

  const overwriting = startTerminal([ours, '-f', file]);
  await overwriting.expect(/Overwrite \(y\/n\)\? /);
  overwriting.send('n\r');
  assert.equal((await overwriting.ended()).status, 1);

  // Ctrl-D is no empty passphrase: nothing is made.
  const giving = fresh();
  const upgiven = startTerminal([ours, '-f', giving]);
  await upgiven.expect(/Enter passphrase/);
  upgiven.send('\x04');
  assert.equal((await upgiven.ended()).status, 1);
  assert.throws(() => statSync(giving), { code: 'ENOENT' });
});

test('refuses by name what it does not know', { skip }, async () => {
  const unknown = await run(ours, ['-J']);
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /^unknown option -- J\nusage: ssh-keygen /);
  assert.match((await run(ours, ['word'])).stderr, /^Too many arguments\.\nusage: /);
  assert.match((await run(ours, ['-p', '-c'])).stderr, /^Can only have one of -p and -c\.\n/);
  assert.match(
    (await run(ours, ['-t', 'ed25519-sk', '-f', fresh()])).stderr,
    /^Key enrollment failed: device not found/,
  );
});
