/** bin/sftp's own arguments: what it hands to ssh, what it refuses, where it goes, and how it ends. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  clientOptions,
  freePort,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  runProgram,
  startNacreServer,
  startOpenSshServer,
} from '../harness/index.ts';

const own = nacreProgram('sftp');
const folder = makeFolder('sftp-arguments');
const skip = missing('sftp', 'openssh-10');

/** Stands for ssh: says what it was called with, and is gone. */
const echo = join(folder, 'echo-arguments');
writeFileSync(echo, '#!/bin/sh\nfor word in "$@"; do printf "<%s>" "$word" >&2; done\necho >&2\n', { mode: 0o755 });

async function outcome(program: string, args: readonly string[], input = '') {
  const env = { SSH_AUTH_SOCK: undefined, LC_ALL: 'C.UTF-8' };
  const { status, stdout, stderr } = await runProgram([program, ...args], { input, cwd: folder, env });
  return { status, stdout: stdout.toString(), stderr: stderr.replaceAll('\r', '') };
}

test('ssh is called with the same arguments', { skip }, async () => {
  const lines: readonly (readonly string[])[] = [
    ['host'],
    ['ada@host'],
    ['ada@host:path'],
    ['ada@corp@host:path'],
    ['host:'],
    ['[::1]'],
    ['[::1]:/path'],
    ['ada@[::1]:/path'],
    ['::1'],
    ['host:a/b:c'],
    ['host/x:y'],
    ['@host'],
    ['ada@'],
    ['sftp://host'],
    ['sftp://host/'],
    ['sftp://ada@host:2222/some/path'],
    ['sftp://a%40b@host/p%20q'],
    ['sftp://ada;fingerprint=x@host/'],
    ['-4', '-A', '-C', 'host'],
    ['-6', '-F', 'config', '-J', 'jump', '-c', 'aes', '-i', 'key', '-o', 'A=b', '-oC=d', '-P', '99', 'host'],
    ['-P', '99', 'sftp://host:100/'],
    ['-q', 'host'],
    ['-v', '-vv', 'host'],
    ['-s', 'other', 'host'],
    ['-s', '/usr/lib/sftp-server', 'host'],
    ['-b', '-', 'host'],
    ['-C', '-b', '-', '-N', '-4', 'host'],
    ['-afpr', '-l', '100', '-B', '1024', '-R', '5', '-X', 'buffer=1k', '-X', 'nrequests=9', 'host'],
    ['-2', 'host'],
  ];
  const said = ({ stderr }: { stderr: string }) => /^<.*>$/m.exec(stderr)?.[0];
  for (const args of lines) {
    const [ours, theirs] = [
      await outcome(own, ['-S', echo, ...args]),
      await outcome(openSshProgram('sftp', '10.0'), ['-S', echo, ...args]),
    ];
    assert.notEqual(said(ours), undefined, `${args.join(' ')}: ${ours.stderr}`);
    assert.equal(said(ours), said(theirs), args.join(' '));
    // OpenSSH is ended by SIGPIPE where its greeting comes too late.
    assert.equal(ours.status, theirs.status ?? 255, args.join(' '));
    assert.match(ours.stderr, /Connection closed\n$/);
  }
});

test('what is wrong with the arguments is told in the same words', { skip }, async () => {
  const lines: readonly (readonly string[])[] = [
    [],
    ['-h'],
    ['-z'],
    ['-b'],
    ['a', 'b', 'c'],
    ['ada@:p'],
    [''],
    ['sftp://'],
    ['sftp://host:0/'],
    ['sftp://host:99999/'],
    ['sftp://@host/'],
    ['-1', 'host'],
    ['-P', 'x', 'host'],
    ['-P', '0', 'host'],
    ['-B', '0', 'host'],
    ['-B', '12x', 'host'],
    ['-R', '0', 'host'],
    ['-R', 'x', 'host'],
    ['-l', '0', 'host'],
    ['-l', 'x', 'host'],
    ['-X', 'other=1', 'host'],
    ['-X', 'buffer=1G', 'host'],
    ['-X', 'nrequests=0', 'host'],
    ['-X', 'nrequests=x', 'host'],
    ['-b', 'nowhere', 'host'],
    ['-b', '-', '-b', '-', 'host'],
    ['-D', ''],
    ['-D', '/nowhere/server'],
  ];
  // OpenSSH may or may not notice in time that its child is gone; and its words about a port end with a line too many.
  const plain = (text: string) =>
    text
      .replace(/Connection closed\. {2}\n/, '')
      .replace(/\n\n/, '\n')
      .replace(/^exec: .*?: /m, 'exec: ');
  for (const args of lines) {
    const [ours, theirs] = [await outcome(own, args), await outcome(openSshProgram('sftp', '10.0'), args)];
    // OpenSSH is ended by SIGPIPE where its greeting comes too late, and says no more then.
    assert.equal(ours.status, theirs.status ?? 255, args.join(' '));
    const said = plain(theirs.stderr).slice(0, theirs.status === null ? plain(theirs.stderr).indexOf('\n') : 60);
    assert.equal(plain(ours.stderr).slice(0, said.length), said, args.join(' '));
  }
});

test('a local server that is none, and one that ends at once', { skip }, async () => {
  for (const command of ['/bin/false', '/bin/cat', '/bin/echo nothing that sftp knows']) {
    const { status, stderr } = await outcome(own, ['-D', command], 'pwd\n');
    assert.equal(status, 255, command);
    assert.match(stderr, /./, command);
  }
});

for (const kind of ['OpenSSH', 'nacre'] as const) {
  test(`over a connection of our own to ${kind}`, { skip: missing('sshd', 'nacre:sshd', 'nacre:ssh') }, async (t) => {
    const files = makeFolder('sftp-connection');
    const here = join(files, 'here');
    const server = await (kind === 'OpenSSH'
      ? startOpenSshServer()
      : startNacreServer({ config: [`Subsystem sftp ${nacreProgram('sftp-server')}`] }));
    t.after(() => server.stop());
    mkdirSync(join(files, 'there/inner'), { recursive: true });
    mkdirSync(here);
    writeFileSync(join(files, 'there/one file'), '1\n');
    writeFileSync(join(files, 'there/two'), '2\n');
    const sftp = async (args: readonly string[], input = '') => {
      const { status, stdout, stderr } = await runProgram([own, ...clientOptions(server), ...args], {
        input,
        cwd: here,
        env: { SSH_AUTH_SOCK: undefined },
      });
      return { status, stdout: stdout.toString(), stderr: stderr.replaceAll('\r', '') };
    };

    const batch = await sftp(['-b', '-', server.host], `cd ${files}/there\nls -1\nput ../nope\npwd\n`);
    assert.equal(batch.status, 1, batch.stderr);
    assert.match(batch.stdout, /^inner\none file\ntwo$/m);
    assert.equal(batch.stderr, 'stat ../nope: No such file or directory\n');

    const folderAsked = await sftp([`${server.host}:${files}/there`], 'pwd\nbye\nls\n');
    assert.deepEqual(folderAsked, {
      status: 0,
      stdout: `Changing to: ${files}/there\nsftp> pwd\nRemote working directory: ${files}/there\nsftp> bye\n`,
      stderr: `Connected to ${server.host}.\n`,
    });

    // OpenSSH takes a name with a blank for two.
    const fetched = await sftp([`sftp://${server.host}/${files}/there/one%20file`]);
    assert.equal(fetched.status, 0, fetched.stderr);
    assert.equal(fetched.stdout, `Fetching ${files}/there/one file to one file\n`);
    assert.equal(readFileSync(join(here, 'one file'), 'utf8'), '1\n');

    const renamed = await sftp(['-q', `${server.host}:${files}/there/tw?`, 'renamed']);
    assert.deepEqual(renamed, { status: 0, stdout: '', stderr: '' });
    assert.equal(readFileSync(join(here, 'renamed'), 'utf8'), '2\n');

    const tree = await sftp(['-qr', `${server.host}:${files}/there`, 'copy']);
    assert.equal(tree.status, 0, tree.stderr);
    assert.ok(existsSync(join(here, 'copy/inner')));

    const nothing = await sftp([`${server.host}:${files}/nothing`]);
    assert.equal(nothing.status, 1);
    assert.equal(nothing.stderr, `Connected to ${server.host}.\nFile "${files}/nothing" not found.\n`);

    const home = await sftp(['-b', '-', server.host], 'cd ~\npwd\n');
    assert.equal(home.status, 0, home.stderr);

    const byPath = await sftp(['-q', '-s', openSshProgram('sftp-server'), server.host], 'version\n');
    assert.equal(byPath.stdout, 'sftp> version\nSFTP protocol version 3\n', byPath.stderr);

    const other = await sftp(['-s', 'no-such-subsystem', server.host], 'pwd\n');
    assert.equal(other.status, 255);
    assert.match(other.stderr, /subsystem request failed/);

    const byProgram = await sftp(['-q', '-S', nacreProgram('ssh'), server.host], 'pwd\n!echo done\n');
    assert.equal(byProgram.status, 0, byProgram.stderr);
    assert.match(byProgram.stdout, /done\n$/);
  });
}

test('a host or a user that looks like an option is none', { skip: missing('nacre:ssh') }, async () => {
  const proof = join(folder, 'proof');
  for (const destination of [
    `-oProxyCommand=touch ${proof}`,
    `sftp://-oProxyCommand=touch%20${proof}@h/`,
    `x;touch ${proof}:p`,
  ]) {
    const { status } = await outcome(own, [
      '-F',
      '/dev/null',
      '-o',
      'BatchMode=yes',
      '-o',
      'Port=1',
      '--',
      destination,
    ]);
    assert.notEqual(status, 0, destination);
    assert.ok(!existsSync(proof), destination);
  }
});

test('nobody there, and nobody let in', { skip: missing('sshd', 'nacre:ssh') }, async (t) => {
  const port = await freePort();
  const refused = await outcome(own, ['-F', '/dev/null', '-P', String(port), '127.0.0.1']);
  assert.equal(refused.status, 255);
  assert.match(refused.stderr, /^ssh: connect to host 127\.0\.0\.1 port \d+: Connection refused\nConnection closed\n$/);
  const server = await startOpenSshServer({ identity: false });
  t.after(() => server.stop());
  const shut = await outcome(own, [...clientOptions(server), '-b', '-', server.host], 'pwd\n');
  assert.equal(shut.status, 255);
  assert.match(shut.stderr, /Permission denied \(publickey[^)]*\)\.\nConnection closed\n$/);
});
