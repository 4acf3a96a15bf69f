import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import vm from 'node:vm';
import { type LoadedCode, loadCompiled } from './compiled-code.ts';

const skip = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER === undefined && 'this Node cannot import() from kept code';

/** A file that exports a number, and the folder where code is kept. */
function place(t: TestContext): { file: string; folder: string; load(): ReturnType<typeof loadCompiled> } {
  const base = mkdtempSync(join(tmpdir(), 'nacre-compiled-'));
  t.after(() => rmSync(base, { recursive: true }));
  const file = join(base, 'tool.cjs');
  const folder = join(base, 'kept');
  writeFileSync(file, source(1));
  return { file, folder, load: () => loadCompiled(file, folder) };
}

const source = (value: number) =>
  `exports.value = () => ${value}; exports.name = 'é'; exports.later = () => import('node:path');`;

function keptFile(folder: string): string {
  const [name = ''] = readdirSync(folder);
  return join(folder, name);
}

test('code is kept by one run and used by the next', { skip }, async (t) => {
  const { folder, load } = place(t);
  const first = load();
  assert.equal(first?.wasKept, false);
  await first.keep();
  assert.equal(statSync(keptFile(folder)).mode & 0o777, 0o644);
  const second = load();
  assert.equal(second?.wasKept, true);
  assert.equal(second.isRecent, true);
  const { value, name, later } = second.exports as {
    value(): number;
    name: string;
    later(): Promise<typeof import('node:path')>;
  };
  assert.equal(value(), 1);
  assert.equal(name, 'é');
  assert.equal((await later()).join, join);
  assert.deepEqual(readdirSync(folder).length, 1);
  utimesSync(keptFile(folder), 1, 1);
  assert.equal(load()?.isRecent, false);
});

test('Node says nothing of its import()', { skip }, async (t) => {
  const { load } = place(t);
  const warnings: string[] = [];
  const warn = ({ message }: Error) => void warnings.push(message);
  process.on('warning', warn);
  t.after(() => process.off('warning', warn));
  const { later } = (load() as LoadedCode).exports as { later(): Promise<unknown> };
  await later();
  process.emitWarning('other things are told', 'TestWarning', 'TEST1');
  while (warnings.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, ['other things are told']);
});

test('another source of the same length is not run by the code of the old one', { skip }, async (t) => {
  const { file, load } = place(t);
  await load()?.keep();
  writeFileSync(file, source(2));
  utimesSync(file, 1, 1);
  const loaded = load();
  assert.equal(loaded?.wasKept, false);
  assert.equal((loaded.exports as { value(): number }).value(), 2);
});

test('code that others may have written is not run', { skip: skip || process.platform === 'win32' }, async (t) => {
  const { folder, load } = place(t);
  await load()?.keep();
  for (const mode of [0o664, 0o646]) {
    chmodSync(keptFile(folder), mode);
    assert.equal(load()?.wasKept, false);
  }
  chmodSync(keptFile(folder), 0o644);
  assert.equal(load()?.wasKept, true);
});

test('what is no kept code does no harm', { skip }, async (t) => {
  const { folder, load } = place(t);
  await load()?.keep();
  const kept = keptFile(folder);
  const bytes = readFileSync(kept);
  for (const part of [bytes.subarray(0, 0), bytes.subarray(0, 32), bytes.subarray(0, -1)]) {
    writeFileSync(kept, part);
    const loaded = load();
    assert.equal(loaded?.wasKept, false);
    assert.equal((loaded.exports as { value(): number }).value(), 1);
  }
});

test('it can be turned off, and a file that is not there is left to the ordinary way', (t) => {
  const { file, folder, load } = place(t);
  assert.equal(loadCompiled(`${file}.not`, folder), undefined);
  process.env.NACRE_CODE_CACHE = 'off';
  t.after(() => delete process.env.NACRE_CODE_CACHE);
  assert.equal(load(), undefined);
});
