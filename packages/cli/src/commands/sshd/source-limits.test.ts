/** Tests of what addresses may do before they log in: penalties that add up, ends, exemptions, bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '@nacre/ssh/server';
import { readConfig } from './config/config.ts';
import { DropLog } from './drop-log.ts';
import type { Log } from './log.ts';
import { PenaltyTable } from './penalty-table.ts';
import { type PenaltyKind, SourceLimits } from './source-limits.ts';

function setUp(...options: string[]) {
  const clock = { now: 1000 };
  const lines: string[] = [];
  const log = Object.assign((level: string, text: string) => void lines.push(`${level} ${text}`), {
    level: 'DEBUG3',
    format: 'text',
    close: () => {},
  }) as Log;
  const limits = new SourceLimits(readConfig(options, undefined).settings, () => clock.now);
  const refusal = (address: string) => limits.refusalFor(from(address));
  const penalise = (address: string, kind: PenaltyKind) => limits.penalise(from(address), kind, log);
  return { clock, lines, limits, refusal, penalise };
}

function from(address: string | undefined): Peer {
  return { address, port: 5, localAddress: '192.0.2.2', localPort: 22, identification: '' };
}

const authfail = 'penalty: failed authentication';

test('what is remembered is listed, longest first, until it is over; what was earned stays counted', () => {
  const { clock, limits, penalise } = setUp();
  penalise('192.0.2.1', 'noauth');
  for (let at = 0; at < 4; at++) penalise('2001:db8::1', 'authfail');
  const seen = limits.penalties().map(({ source, isActive, reason }) => [source, isActive, reason]);
  assert.deepEqual(seen, [
    ['2001:db8::1/128', true, authfail],
    ['192.0.2.1/32', false, 'penalty: connections without attempting authentication'],
  ]);
  clock.now += 3600;
  assert.deepEqual(limits.penalties(), []);
  assert.deepEqual(Object.fromEntries(limits.earned), { noauth: 1, authfail: 4 });
});

test('penalties add up, hold off from min on, and end', () => {
  const { clock, lines, refusal, penalise } = setUp();
  penalise('192.0.2.1', 'authfail');
  penalise('192.0.2.1', 'authfail');
  assert.equal(refusal('192.0.2.1'), undefined);
  penalise('192.0.2.1', 'authfail');
  assert.equal(refusal('192.0.2.1'), authfail);
  assert.equal(refusal('::ffff:192.0.2.1'), authfail);
  assert.equal(refusal('192.0.2.9'), undefined);
  assert.deepEqual(lines, [
    `VERBOSE srclimit_penalise: ipv4: new 192.0.2.1/32 deferred penalty of 5 seconds for ${authfail}`,
    'DEBUG1 srclimit_penalise: ipv4 penalty for 192.0.2.1/32 already exists, 10 seconds remaining',
    `INFO srclimit_penalise: 192.0.2.1/32: activating ipv4 penalty of 15 seconds for ${authfail}`,
  ]);
  clock.now += 14.9;
  assert.equal(refusal('192.0.2.1'), authfail);
  clock.now += 0.1;
  assert.equal(refusal('192.0.2.1'), undefined);
});

test('no penalty is longer than max, however often', () => {
  const { clock, refusal, penalise } = setUp('PerSourcePenalties=max:30');
  for (let i = 0; i < 50; i++) penalise('2001:db8::1', 'crash');
  assert.equal(refusal('2001:db8::1'), 'penalty: caused crash');
  clock.now += 30;
  assert.equal(refusal('2001:db8::1'), undefined);
});

test('each kind has its own length and its own words', () => {
  const { lines, refusal, penalise } = setUp(
    'PerSourcePenalties=crash:21 authfail:22 invaliduser:23 noauth:24 grace-exceeded:25 refuseconnection:26',
  );
  const kinds: PenaltyKind[] = ['crash', 'authfail', 'invaliduser', 'noauth', 'grace-exceeded', 'refuseconnection'];
  const words = [
    'caused crash',
    'failed authentication',
    'attempted authentication by invalid user',
    'connections without attempting authentication',
    'exceeded LoginGraceTime',
    'connection prohibited by RefuseConnection',
  ].map((text) => `penalty: ${text}`);
  for (const [i, kind] of kinds.entries()) {
    penalise(`192.0.2.${i}`, kind);
    assert.equal(refusal(`192.0.2.${i}`), words[i]);
    assert.equal(
      lines[i],
      `INFO srclimit_penalise: ipv4: new 192.0.2.${i}/32 active penalty of ${21 + i} seconds for ${words[i]}`,
    );
  }
});

test('PerSourceNetBlockSize makes neighbours one source', () => {
  const { refusal, penalise } = setUp('PerSourceNetBlockSize=24:64');
  penalise('192.0.2.1', 'crash');
  penalise('2001:db8::1', 'crash');
  for (const address of ['192.0.2.200', '2001:db8::ffff']) assert.equal(refusal(address), 'penalty: caused crash');
  for (const address of ['192.0.3.1', '2001:db8:0:1::1']) assert.equal(refusal(address), undefined);
});

test('exempt addresses, penalties switched off, kinds of no length, and peers without an address earn nothing', () => {
  const exempt = setUp('PerSourcePenaltyExemptList=192.0.2.0/24,2001:db8::/32');
  for (const address of ['192.0.2.1', '2001:db8::5']) exempt.penalise(address, 'crash');
  const off = setUp('PerSourcePenalties=no');
  off.penalise('192.0.2.1', 'crash');
  const none = setUp('PerSourcePenalties=crash:0');
  none.penalise('192.0.2.1', 'crash');
  for (const { limits, refusal } of [exempt, off, none]) {
    assert.equal(refusal('192.0.2.1'), undefined);
    assert.equal(limits.size, 0);
  }
  assert.equal(exempt.lines[0], 'DEBUG3 address 192.0.2.1 is exempt');
  exempt.penalise('198.51.100.1', 'crash');
  assert.equal(exempt.refusal('198.51.100.1'), 'penalty: caused crash');
  assert.equal(exempt.limits.refusalFor(from(undefined)), undefined);
});

test('a full table lets go of what ends first, or refuses everybody', () => {
  const sizes = 'max-sources4:2 max-sources6:2';
  const permissive = setUp(`PerSourcePenalties=${sizes} authfail:20`);
  permissive.penalise('192.0.2.1', 'crash');
  permissive.penalise('192.0.2.2', 'authfail');
  permissive.penalise('192.0.2.3', 'crash');
  assert.deepEqual(
    [1, 2, 3].map((last) => permissive.refusal(`192.0.2.${last}`) !== undefined),
    [true, false, true],
  );
  const strict = setUp(`PerSourcePenalties=${sizes} overflow:deny-all overflow6:permissive`);
  for (const address of ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2']) strict.penalise(address, 'crash');
  strict.penalise('192.0.2.3', 'crash');
  assert.match(strict.lines.at(-1) ?? '', /^VERBOSE ipv4 penalty table full, cannot penalise 192\.0\.2\.3\/32 for/);
  assert.equal(strict.refusal('203.0.113.9'), 'too many penalised addresses');
  assert.equal(strict.refusal('2001:db8::9'), undefined);
  strict.clock.now += 90;
  assert.equal(strict.refusal('203.0.113.9'), undefined);
});

test('a million addresses leave no more than the bound behind, and nothing in the end', () => {
  let now = 0;
  const table = new PenaltyTable(() => now);
  const bounds = { min: 15, max: 600, overflow: 'permissive', maxSources: 65_536 } as const;
  for (let i = 0; i < 1_000_000; i++) {
    now += 0.0001;
    table.punish(`source ${i}`, 600, 'x', bounds);
    if (table.size > bounds.maxSources) assert.fail(`${table.size} after ${i}`);
  }
  assert.equal(table.size, bounds.maxSources);
  assert.equal(table.reasonFor('source 999999', bounds), 'x');
  assert.equal(table.reasonFor('source 1', bounds), undefined);
  now += 1000;
  assert.equal(table.reasonFor('source 999999', bounds), undefined);
  assert.equal(table.size, 0);
});

test('each address family is bounded by itself', () => {
  const { clock, limits, refusal, penalise } = setUp('PerSourcePenalties=max-sources4:1000 max-sources6:500');
  for (let i = 0; i < 5000; i++) {
    penalise(`10.0.${i >> 8}.${i & 255}`, 'crash');
    penalise(`2001:db8:${i.toString(16)}::1`, 'crash');
  }
  assert.equal(limits.size, 1500);
  clock.now += 1000;
  assert.equal(refusal('192.0.2.1') ?? refusal('2001:db8::1'), undefined);
  assert.equal(limits.size, 0);
});

test('what ends first goes first, in whatever order it came and grew', () => {
  let now = 0;
  const table = new PenaltyTable(() => now);
  const bounds = { min: 1, max: 10_000, overflow: 'permissive', maxSources: 1000 } as const;
  const ends = new Map<string, number>();
  for (let i = 0; i < 3000; i++) {
    const source = String((i * 7919) % 500);
    const seconds = 1 + ((i * 104_729) % 97);
    table.punish(source, seconds, 'x', bounds);
    ends.set(source, (ends.get(source) ?? 0) + seconds);
  }
  while (table.size > 0) {
    now += 5;
    for (const [source, end] of ends) assert.equal(table.reasonFor(source, bounds) !== undefined, end > now, source);
  }
});

test('PerSourceMaxStartups counts those that have not logged in, and forgets them', () => {
  const { limits, refusal } = setUp('PerSourceMaxStartups=2', 'PerSourcePenaltyExemptList=192.0.2.0/24');
  const [first, second] = [limits.hold(from('192.0.2.1')), limits.hold(from('192.0.2.1'))];
  assert.equal(refusal('192.0.2.1'), 'Maxstartups');
  assert.equal(refusal('192.0.2.2'), undefined);
  first();
  first();
  assert.equal(refusal('192.0.2.1'), undefined);
  limits.hold(from('192.0.2.1'))();
  second();
  assert.equal(limits.size, 0);
  assert.equal(setUp('PerSourceMaxStartups=0').refusal('192.0.2.1'), 'Maxstartups');
});

test('a flood of refusals is a few lines and a number', () => {
  const clock = { now: 0 };
  const drops = new DropLog(() => clock.now);
  const first = Array.from({ length: 1000 }, () => drops.note());
  assert.deepEqual(
    [first.filter(({ isWritten }) => isWritten).length, first.some(({ leftOut }) => leftOut > 0)],
    [3, false],
  );
  let reminders = 0;
  for (; clock.now < 1000; clock.now += 0.5) {
    const { isWritten, leftOut } = drops.note();
    assert.equal(isWritten, false);
    if (leftOut > 0) reminders++;
  }
  assert.equal(reminders, 3);
  clock.now += 100;
  const { isWritten, leftOut } = drops.note();
  assert.equal(isWritten, true);
  assert.ok(leftOut > 0);
  assert.deepEqual(drops.note(), { isWritten: true, leftOut: 0 });
});
