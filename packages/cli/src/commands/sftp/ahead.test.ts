/** What the first command will ask: known from its line, asked once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileAttributes, SftpCalls } from '@nacre/ssh/sftp';
import { Foreseen, questionOf } from './ahead.ts';
import { firstQuestion } from './command-line.ts';

test('a line tells what it will ask of a path that means itself', () => {
  const cases: readonly (readonly [string | undefined, string | undefined])[] = [
    ['get /srv/a', 'lstat /srv/a'],
    ['-@get -p "/srv/a b" here', 'lstat /srv/a b'],
    ['reget /srv/a', 'lstat /srv/a'],
    ['put a /srv/a', 'stat /srv/a'],
    ['mput * /srv', 'stat /srv'],
    ['get a', undefined],
    ['get /srv/*', undefined],
    ['get /srv/\\[a', undefined],
    ['put a', undefined],
    ['put a ~/b', undefined],
    ['put a /srv/*', undefined],
    ['get', undefined],
    ['rm /srv/a', undefined],
    ['nothing /srv/a', undefined],
    ['get "/srv', undefined],
    ['!get /srv/a', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [line, expected] of cases) {
    const question = firstQuestion(line);
    assert.equal(question && `${question.kind} ${question.path}`, expected, line);
  }
});

test('the answer is given once, to the question that was asked, and not after something was done', async () => {
  const asked: string[] = [];
  const look = (kind: string) => async (path: string) => {
    asked.push(`${kind} ${path}`);
    return { size: asked.length } as FileAttributes;
  };
  const calls = { stat: look('stat'), lstat: look('lstat') } as unknown as SftpCalls;
  const one = new Foreseen(calls, questionOf('stat', '/a'));
  assert.equal(one.take('lstat', '/a'), undefined);
  assert.equal(one.take('stat', '/b'), undefined);
  assert.deepEqual(await one.take('stat', '/a'), { size: 1 });
  assert.equal(one.take('stat', '/a'), undefined);
  const other = new Foreseen(calls, questionOf('lstat', '/a'));
  other.forget();
  assert.equal(other.take('lstat', '/a'), undefined);
  assert.equal(new Foreseen(calls, undefined).take('stat', '/a'), undefined);
  assert.deepEqual(asked, ['stat /a', 'lstat /a']);
});
