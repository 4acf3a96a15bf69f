import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../errors.ts';
import { parseDisplay } from './display.ts';

test('displays of this machine are Unix sockets', () => {
  for (const [text, path, screen] of [
    [':0', '/tmp/.X11-unix/X0', 0],
    [':0.1', '/tmp/.X11-unix/X0', 1],
    ['::3', '/tmp/.X11-unix/X3', 0],
    ['unix:12.2', '/tmp/.X11-unix/X12', 2],
    ['/private/tmp/com.apple.launchd.Xy/org.xquartz:0', '/private/tmp/com.apple.launchd.Xy/org.xquartz:0', 0],
    ['/tmp/launch-9/:0.1', '/tmp/launch-9/:0', 1],
  ] as const) {
    const display = parseDisplay(text);
    assert.deepEqual([display.address, display.screen, display.xauthName], [{ path }, screen, text]);
  }
});

test('displays with a host are TCP ports, and localhost is filed under unix', () => {
  const display = parseDisplay('localhost:10.1');
  assert.deepEqual(display.address, { host: 'localhost', port: 6010 });
  assert.deepEqual([display.screen, display.xauthName], [1, 'unix:10.1']);
  assert.deepEqual(parseDisplay('screen.example.com:0').address, { host: 'screen.example.com', port: 6000 });
  assert.deepEqual(parseDisplay('::1:4').address, { host: '::1', port: 6004 });
});

test('what is no display is refused, whatever a shell or xauth would make of it (CVE-2016-3115)', () => {
  for (const text of [
    '',
    '0',
    'host',
    'host:',
    'host:x',
    ':0.',
    ':0.401',
    ':60000',
    ':0\nadd :0 . 00',
    ':0;id',
    '$(id):0',
    '`id`:0',
    '-f:0',
    ':0 ',
    'hôst:0',
    '[::1]:0',
    `${'h'.repeat(2000)}:0`,
  ]) {
    assert.throws(
      () => parseDisplay(text),
      (error) => error instanceof SshError && error.code === 'misuse',
      JSON.stringify(text),
    );
  }
});

test('property: any text gives a display of harmless characters, or an SshError without control characters', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z/:.0-9-]{0,20}$/)), (text) => {
      try {
        const { xauthName, screen } = parseDisplay(text);
        assert.match(xauthName, /^[A-Za-z0-9:/._][A-Za-z0-9:/._-]*$/);
        assert.ok(screen <= 400);
      } catch (error) {
        assert.ok(error instanceof SshError);
        assert.doesNotMatch(error.message, /[\x00-\x1f]/);
      }
    }),
  );
});
