/** bin/sshd mounted by sshfs. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import {
  atEnd,
  clientOptions,
  makeFolder,
  missing,
  openSshProgram,
  runProgram,
  startProgram,
} from '../harness/index.ts';
import { until } from './_shared.ts';
import { bigFile, describeTree, makeTree, runTool, skip, startFileServer, writeScript } from './_sshd-files.ts';

const server = skip === false ? await startFileServer() : undefined;
const { host, port, user, place } = server ?? ({} as NonNullable<typeof server>);

function whyNoFuse(): string | false {
  return process.getuid?.() === 0 && existsSync('/dev/fuse') ? false : 'only root can mount here';
}

test('sshfs', { skip: skip || missing('sshfs', 'fusermount3') || whyNoFuse() }, async () => {
  const there = place('sshfs');
  const here = makeFolder('mount');
  // sshfs takes options that it knows; a file has room for all.
  const options = clientOptions(server as never).filter((word) => word.includes('='));
  const config = writeScript(options.map((option) => option.replace('=', ' ')));
  const mount = ['-F', config, '-o', `ssh_command=${openSshProgram('ssh')}`, '-f', `${user}@${host}:${there}`, here];
  const program = startProgram(['sshfs', '-p', String(port), ...mount]);
  atEnd(async () => {
    await runProgram(['fusermount3', '-uz', here]);
  });
  const isMounted = () => readFileSync('/proc/mounts', 'utf8').includes(` ${here} `);
  await until(`mounted: ${program.log()}`, () => isMounted() || program.child.exitCode !== null);
  assert.equal(program.child.exitCode, null, program.log());

  // In processes of their own: calls that wait for the mount would hold the harness's pipes as well.
  // Without links: sshfs sets the times of a link by SETSTAT, which goes through it to the file.
  const tree = makeTree({ withBytes: true });
  await runTool(['cp', '-a', tree, `${here}/tree`]);
  const wanted = describeTree(tree, { modes: true, times: true });
  assert.deepEqual(describeTree(`${there}/tree`, { modes: true, times: true }), wanted);
  const back = makeFolder('back');
  await runTool(['cp', '-a', `${here}/tree`, `${back}/tree`]);
  assert.deepEqual(describeTree(`${back}/tree`, { modes: true, times: true }), wanted);
  await runTool(['cp', bigFile(), `${here}/big`]);
  await runTool(['cmp', bigFile(), `${here}/big`]);
  await runTool([
    ...['sh', '-ec'],
    'cd "$1"; mv big moved; printf x >> moved; truncate -s 1000 moved; ln moved hard; ln -s moved soft; ' +
      'mkdir gone; rmdir gone; chmod 604 moved; touch -d @1600000000 moved; test "$(readlink soft)" = moved; df . ; rm -r tree; ls -l; ' +
      'printf abc > open; exec 5<>open; printf d >&5; exec 5>&-; test "$(cat open)" = dbc',
    ...['sh', here],
  ]);
  const { size, mode, mtimeMs, nlink } = statSync(`${there}/moved`);
  assert.deepEqual([size, mode & 0o777, mtimeMs, nlink], [1000, 0o604, 1.6e12, 2]);
  assert.deepEqual(readdirSync(there).sort(), ['hard', 'moved', 'open', 'soft']);
  await runTool(['fusermount3', '-u', here]);
  await until('sshfs has ended', () => program.child.exitCode !== null);
});
