/** Tests of reading sshd_config from the disk: Include, patterns, loops, and what is no file. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { readConfig } from './config.ts';
import { expandGlob } from './read-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-config-'));
// Not after(): where many files run in one process, that comes before some of these tests.
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

let written = 0;
function fileOf(text: string): string {
  const file = join(folder, `config-${++written}`);
  writeFileSync(file, text);
  return file;
}

test('Include: patterns, order, loops, and what is no file', () => {
  const parts = join(folder, 'parts');
  mkdirSync(parts);
  writeFileSync(join(parts, '20.conf'), 'MaxSessions 20\nPort 20\n');
  writeFileSync(join(parts, '10.conf'), 'MaxSessions 10\nPort 10\n');
  writeFileSync(join(parts, '30.other'), 'Bogus yes\n');
  const file = fileOf(`Include ${parts}/*.conf ${parts}/missing\nMaxSessions 99\nPort 99\n`);
  const { settings, origins } = readConfig([], file);
  assert.deepEqual([settings.maxSessions, settings.port], [10, [10, 20, 99]]);
  assert.deepEqual(origins.get('maxSessions'), [{ file: join(parts, '10.conf'), line: 1 }]);
  assert.deepEqual(expandGlob(`${folder}/p?rts/1*`), [join(parts, '10.conf')]);
  const loop = join(folder, 'loop');
  writeFileSync(loop, `Include ${loop}\n`);
  assert.throws(() => readConfig([], loop), /Too many recursive configuration includes/);
  assert.throws(() => readConfig([], folder), /is not a regular file/);
  symlinkSync('/dev/zero', join(folder, 'zero'));
  assert.throws(() => readConfig([], join(folder, 'zero')), /is not a regular file/);
  assert.throws(() => readConfig([], join(folder, 'missing')), {
    message: `${join(folder, 'missing')}: No such file or directory`,
  });
  assert.deepEqual(readConfig([], '/dev/null').warnings, []);
});

test('names of files count from where the server was started, and ~ is the home', () => {
  const { settings } = readConfig(['Banner=x/banner', 'PidFile ~/pid', 'HostKey=/k', 'ModuliFile=none'], undefined);
  const { banner, pidFile, hostKey, moduliFile } = settings;
  assert.deepEqual(
    [banner, pidFile, hostKey, moduliFile],
    [join(process.cwd(), 'x/banner'), join(homedir(), 'pid'), ['/k'], undefined],
  );
});

test('-p takes the place of Port', () => {
  assert.deepEqual(readConfig(['Port=3'], fileOf('Port 1\n'), [9]).settings.port, [9]);
  assert.throws(() => readConfig([], fileOf('Port x\n')), SshError);
});
