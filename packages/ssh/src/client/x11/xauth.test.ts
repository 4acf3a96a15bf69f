/** Cookies from xauth, played by a script that writes down how it was called. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { SshError } from '../../errors.ts';
import { parseDisplay } from './display.ts';
import { obtainCookie, parseXauthList, type XauthRequest } from './xauth.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-xauth-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let scripts = 0;

/** An xauth that runs these lines; its calls are told by `calls`. */
function scripted(...lines: string[]): { program: string; calls: () => string[] } {
  const program = join(folder, `xauth-${++scripts}`);
  const log = `${program}.log`;
  writeFileSync(program, ['#!/bin/sh', `printf '%s\\n' "$*" >>${log}`, ...lines, ''].join('\n'), { mode: 0o700 });
  return { program, calls: () => readFileSync(log, 'utf8').trim().split('\n') };
}

function request(program: string, more: Partial<XauthRequest> = {}): XauthRequest {
  return { display: parseDisplay(':7.1'), trusted: true, timeoutSeconds: 1200, program, log: () => {}, ...more };
}

const line = 'host/unix:7  MIT-MAGIC-COOKIE-1  00112233445566778899aabbccddeeff';
const cookie = { protocol: 'MIT-MAGIC-COOKIE-1', data: Buffer.from('00112233445566778899aabbccddeeff', 'hex') };
const isRefusal = (error: unknown) => error instanceof SshError && error.code === 'operation-failed';

test('for trusted programs the own cookie is read', async () => {
  const { program, calls } = scripted(`echo '${line}'`, "echo 'host:7 MIT-MAGIC-COOKIE-1 ffff'");
  assert.deepEqual(await obtainCookie(request(program)), cookie);
  assert.deepEqual(calls(), ['list :7.1']);
});

test('for untrusted ones a cookie is made, in a private file that is gone afterwards, good for the time and a minute', async () => {
  const { program, calls } = scripted(
    'case "$3" in generate) stat -c %a "$(dirname "$2")" >"$0.mode"; : >"$2";; list) echo "$0" >/dev/null;',
    `echo '${line}';; esac`,
  );
  assert.deepEqual(await obtainCookie(request(program, { trusted: false })), cookie);
  const [generate = '', list = ''] = calls();
  const [, file = ''] = generate.split(' ');
  assert.equal(generate, `-f ${file} generate :7.1 MIT-MAGIC-COOKIE-1 untrusted timeout 1260`);
  assert.equal(list, `-f ${file} list :7.1`);
  assert.equal(readFileSync(`${program}.mode`, 'utf8').trim(), '700');
  assert.equal(existsSync(dirname(file)), false);
  const unlimited = scripted(`echo '${line}'`);
  await obtainCookie(request(unlimited.program, { trusted: false, timeoutSeconds: 0 }));
  assert.match(unlimited.calls()[0] ?? '', /timeout 0$/);
});

test('untrusted programs never get the own cookie: without xauth, with one that fails or gives nothing it is an error', async () => {
  for (const program of [
    join(folder, 'missing'),
    scripted('exit 1').program,
    scripted('exit 0').program,
    scripted('[ "$3" = list ] && exit 1', 'exit 0').program,
  ]) {
    await assert.rejects(obtainCookie(request(program, { trusted: false })), isRefusal);
  }
});

test('trusted ones get a random cookie where there is none, with a warning', async () => {
  for (const program of [join(folder, 'missing'), scripted('echo').program]) {
    const said: string[] = [];
    const made = await obtainCookie(request(program, { log: (text) => void said.push(text) }));
    assert.equal(made.protocol, 'MIT-MAGIC-COOKIE-1');
    assert.equal(made.data.length, 16);
    assert.match(said.join(), /No xauth data; using fake authentication data/);
  }
});

test('only lines of a method and a cookie in hexadecimal are taken', () => {
  assert.deepEqual(parseXauthList(`${line}\n`), cookie);
  for (const text of [
    '',
    'host/unix:7',
    'host/unix:7  MIT-MAGIC-COOKIE-1',
    'host/unix:7  MIT-MAGIC-COOKIE-1  xyz',
    'host/unix:7  MIT-MAGIC-COOKIE-1  123',
    'host/unix:7  MIT;id  1234',
    `host/unix:7  ${'M'.repeat(65)}  1234`,
    `host/unix:7  M  ${'12'.repeat(257)}`,
    `\n${line}`,
  ]) {
    assert.equal(parseXauthList(text), undefined, JSON.stringify(text));
  }
});
