/** When a program asks in place of the terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAskpassRules } from './askpass.ts';

const rules = (environment: Record<string, string>): string => {
  const { allowed, preferred } = readAskpassRules(environment);
  return preferred ? 'preferred' : allowed ? 'allowed' : 'no';
};

test('display and SSH_ASKPASS_REQUIRE decide', () => {
  assert.equal(rules({}), 'no');
  assert.equal(rules({ DISPLAY: '' }), 'no');
  assert.equal(rules({ DISPLAY: ':0' }), 'allowed');
  assert.equal(rules({ WAYLAND_DISPLAY: 'wayland-0' }), 'allowed');
  assert.equal(rules({ SSH_ASKPASS_REQUIRE: 'force' }), 'preferred');
  assert.equal(rules({ SSH_ASKPASS_REQUIRE: 'FORCE' }), 'preferred');
  assert.equal(rules({ SSH_ASKPASS_REQUIRE: 'prefer' }), 'no');
  assert.equal(rules({ SSH_ASKPASS_REQUIRE: 'prefer', DISPLAY: ':0' }), 'preferred');
  assert.equal(rules({ SSH_ASKPASS_REQUIRE: 'never', DISPLAY: ':0' }), 'no');
  assert.equal(rules({ SSH_ASKPASS_REQUIRE: 'what', DISPLAY: ':0' }), 'allowed');
});

test('the program is SSH_ASKPASS or the usual one', () => {
  assert.equal(readAskpassRules({}).program, '/usr/bin/ssh-askpass');
  assert.equal(readAskpassRules({ SSH_ASKPASS: '/bin/x' }).program, '/bin/x');
});
