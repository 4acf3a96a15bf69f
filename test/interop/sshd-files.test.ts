/** bin/sshd and the file clients of OpenSSH, both versions: sftp, and scp by either protocol. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  clientOptions,
  makeFolder,
  missing,
  type OpenSshVersion,
  openSshProgram,
  runProgram,
  startProgram,
} from '../harness/index.ts';
import { until } from './_shared.ts';
import {
  assertSame,
  bigBytes,
  bigFile,
  describeTree,
  longMs,
  makeTree,
  must,
  skip,
  startFileServer,
} from './_sshd-files.ts';

const server = skip === false ? await startFileServer() : undefined;
const { place } = server ?? ({} as NonNullable<typeof server>);
const versions: readonly OpenSshVersion[] = ['9.2', '10.0'];
const whyNot = (version: OpenSshVersion) => skip || (version === '10.0' && missing('openssh-10'));

function login(version: OpenSshVersion): string[] {
  return server === undefined ? [] : ['-S', openSshProgram('ssh', version), ...clientOptions(server)];
}

function sftp(version: OpenSshVersion, batch: string | Buffer, flags: readonly string[] = []) {
  const argv = [openSshProgram('sftp', version), '-q', ...flags, '-b', '-', ...login(version), '127.0.0.1'];
  return runProgram(argv, { input: batch, timeoutMs: longMs });
}

function scp(version: OpenSshVersion, words: readonly string[]) {
  return runProgram([openSshProgram('scp', version), '-q', ...login(version), ...words], { timeoutMs: longMs });
}

const sizeOf = (file: string) => (existsSync(file) ? statSync(file).size : 0);

for (const version of versions) {
  test(`sftp ${version}`, { skip: whyNot(version) }, async (t) => {
    const there = place(`sftp ${version}`);
    const q = (name: string) => `"${name}"`;

    await t.test('a tree both ways, with modes and times', async () => {
      const tree = makeTree({ withBytes: true });
      const back = makeFolder('back');
      await must(sftp(version, `put -pR ${tree} ${q(`${there}/tree`)}\nget -pR ${q(`${there}/tree`)} ${back}/tree\n`));
      const wanted = describeTree(tree, { modes: true, times: true });
      assert.ok(wanted.length > 300);
      assert.deepEqual(describeTree(`${there}/tree`, { modes: true, times: true }), wanted);
      assert.deepEqual(describeTree(`${back}/tree`, { modes: true, times: true }), wanted);
    });

    await t.test('100 MB both ways', async () => {
      const back = join(makeFolder('back'), 'big');
      await must(sftp(version, `put ${q(bigFile())} ${q(`${there}/big`)}\nget ${q(`${there}/big`)} ${back}\n`));
      assertSame(bigFile(), `${there}/big`);
      assertSame(bigFile(), back);
    });

    await t.test('what was cut short goes on where it stopped', async () => {
      const back = join(makeFolder('back'), 'part');
      copyFileSync(bigFile(), back);
      truncateSync(back, 40_000_001);
      copyFileSync(bigFile(), `${there}/part`);
      truncateSync(`${there}/part`, 77_000_003);
      const options = `reput ${q(bigFile())} ${q(`${there}/part`)}\nreget ${q(`${there}/big`)} ${back}\n`;
      await must(sftp(version, options));
      assertSame(bigFile(), `${there}/part`);
      assertSame(bigFile(), back);
    });

    await t.test('renames, modes, times, links, df', async () => {
      writeFileSync(`${there}/one`, 'one');
      await must(
        sftp(
          version,
          [
            `cd ${q(there)}`,
            ...['rename one two', 'chmod 604 two', 'ln two hard', 'ln -s two soft', 'mkdir new', 'rename two new/two'],
            ...['-rmdir none', 'mkdir gone', 'rmdir gone', 'rm hard'],
          ].join('\n'),
        ),
      );
      assert.equal(statSync(`${there}/new/two`).mode & 0o777, 0o604);
      assert.ok(lstatSync(`${there}/soft`).isSymbolicLink());
      assert.deepEqual(
        [existsSync(`${there}/one`), existsSync(`${there}/gone`), existsSync(`${there}/hard`)],
        [false, false, false],
      );
      const { stdout } = await must(sftp(version, `cd ${q(there)}\npwd\ndf\ndf -h\ndf -i\nls -la\n`));
      const said = stdout.toString();
      assert.ok(said.includes(`Remote working directory: ${there}`));
      assert.match(said, /^ +Size +Used +Avail +\(root\) +%Capacity$/m);
      assert.match(said, /^ +\d+ +\d+ +\d+ +\d+ +\d+%$/m);
      assert.match(said, /^lrwxrwxrwx .* 3 .* soft -> two$|^lrwxrwxrwx .* 3 .* soft$/m);
      assert.equal((await sftp(version, `get ${q(`${there}/none`)}\n`)).status, 1);
    });

    await t.test('a client that goes in the middle leaves what it wrote, and the server lives', async () => {
      const batch = join(makeFolder('batch'), 'batch');
      writeFileSync(batch, `put ${q(bigFile())} ${q(`${there}/cut`)}\n`);
      // So slow that it is under way when it is killed, however slow the machine is.
      const slow = [openSshProgram('sftp', version), '-q', '-l', '8000', '-b', batch];
      const program = startProgram([...slow, ...login(version), '127.0.0.1']);
      await until('some of it is there', () => sizeOf(`${there}/cut`) > 100_000);
      program.child.kill('SIGKILL');
      await until('the client is gone', () => program.child.signalCode !== null);
      assert.ok(sizeOf(`${there}/cut`) < bigBytes);
      await must(sftp(version, `reput ${q(bigFile())} ${q(`${there}/cut`)}\n`));
      assertSame(bigFile(), `${there}/cut`);
    });
  });

  test(`scp ${version}`, { skip: whyNot(version) }, async (t) => {
    for (const [name, flags] of [
      ['sftp', version === '9.2' ? ['-s'] : []],
      ['scp', ['-O']],
    ] as const) {
      await t.test(`by ${name}: a tree and 100 MB, both ways`, async () => {
        const there = place(`scp-${version}-${name}`);
        const tree = makeTree();
        const back = makeFolder('back');
        await must(scp(version, [...flags, '-rp', tree, `127.0.0.1:${there}/`]));
        await must(scp(version, [...flags, '-rp', `127.0.0.1:${there}/tree`, back]));
        const wanted = describeTree(tree, { modes: true, times: true });
        assert.deepEqual(describeTree(`${there}/tree`, { modes: true, times: true }), wanted);
        assert.deepEqual(describeTree(`${back}/tree`, { modes: true, times: true }), wanted);
        await must(scp(version, [...flags, bigFile(), `127.0.0.1:${there}/big`]));
        await must(scp(version, [...flags, `127.0.0.1:${there}/big`, `${back}/big`]));
        assertSame(bigFile(), `${there}/big`);
        assertSame(bigFile(), `${back}/big`);
      });

      await t.test(`by ${name}: several files, patterns, names, what is missing`, async () => {
        const there = place(`scp-more-${version}-${name}`);
        const here = makeFolder('here');
        for (const file of ['a1', 'a2', 'b1']) writeFileSync(join(here, file), file);
        await must(
          scp(version, [...flags, ...['a1', 'a2', 'b1'].map((file) => join(here, file)), `127.0.0.1:${there}`]),
        );
        const back = makeFolder('back');
        await must(scp(version, [...flags, `127.0.0.1:${there}/a*`, back]));
        assert.deepEqual(readdirSync(back).sort(), ['a1', 'a2']);
        const lost = await scp(version, [...flags, `127.0.0.1:${there}/none`, back]);
        assert.equal(lost.status, 1);
        assert.match(lost.stderr, /none.*No such file or directory/);
        const nowhere = await scp(version, [...flags, join(here, 'a1'), `127.0.0.1:${there}/no/where/x`]);
        assert.notEqual(nowhere.status, 0);
        // From the server to the server, through this machine.
        await must(
          scp(version, [...flags, '-3', `scp://127.0.0.1:${server?.port}/${there}/a1`, `127.0.0.1:${there}/a3`]),
        );
        assert.equal(readFileSync(`${there}/a3`, 'utf8'), 'a1');
        linkSync(`${there}/a1`, `${there}/a4`);
        appendFileSync(`${there}/a4`, '+');
        await must(scp(version, [...flags, '-p', `127.0.0.1:${there}/a1`, join(back, 'a1')]));
        assert.equal(readFileSync(join(back, 'a1'), 'utf8'), 'a1+');
      });
    }
  });
}
