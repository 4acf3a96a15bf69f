import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireWriter } from '../wire/index.ts';
import { createPair, logIn } from './memory-pair.test.ts';
import { debug, ping, serviceAccept, serviceRequest, unimplemented } from './messages.ts';
import type { Phase, Role } from './phase.ts';
import { expectedVerdict } from './phase-expectations.test.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

/** How the texts of errors name a phase. */
const phaseTexts: Record<Phase, string> = {
  'first-kexinit': 'before the first KEXINIT',
  'first-kex': 'during the first key exchange',
  service: 'before a service is agreed on',
  auth: 'before login',
  connection: 'after login',
  rekey: 'during a key exchange',
};

for (const tested of ['client', 'server'] as const) {
  for (const phase of Object.keys(phaseTexts) as Phase[]) {
    test(`${tested}, ${phase}: each of the 256 numbers is treated as its verdict says`, async () => {
      const bystander = await createPair();
      await logIn(bystander);
      bystander.client.attach({ receive: () => {}, onLinkReady: () => {}, end: () => {} });
      bystander.server.attach({ receive: () => {}, onLinkReady: () => {}, end: () => {} });
      for (let number = 0; number < 256; number++) await sendOne(tested, phase, number);
      // Another connection of the same process still answers.
      await new Promise<void>((resolve) => assert.equal(bystander.client.ping(resolve), true));
      assert.equal(bystander.server.ended, undefined);
    });
  }
}

async function sendOne(tested: Role, phase: Phase, number: number): Promise<void> {
  const raw = await (await RawPeer.create({ tested })).reach(phase);
  assert.equal(raw.transport.phase, phase);
  const strict = phase !== 'first-kexinit';
  const where = `${number} at a ${tested} in ${phase}`;
  await raw.drain();
  const sequence = raw.writer.sequence;
  raw.send(bodyOf(number, raw));
  await settle(2);

  switch (expectedVerdict(tested, phase, number, strict)) {
    case 'refuse': {
      const told = await raw.disconnect();
      assert.equal(raw.end.code, 'protocol-error', where);
      assert.equal(raw.end.side, 'peer', where);
      assert.ok(raw.end.message.includes(`(message ${number}) may not come ${phaseTexts[phase]}`), raw.end.message);
      assert.equal(told?.reason, 2, where);
      assert.equal(told?.description.toString(), raw.end.message, where);
      return;
    }
    case 'unimplemented': {
      const [answer, ...more] = await raw.drain();
      assert.ok(answer, `${where}: no answer`);
      assert.equal(unimplemented.decode(answer).sequence, sequence, where);
      assert.deepEqual(more, [], where);
      break;
    }
    case 'ignore':
      assert.deepEqual(await raw.drain(), [], where);
      assert.deepEqual(raw.connection.payloads, [], where);
      break;
    case 'accept':
      if (await acceptEnds(raw, phase, number)) return;
  }
  assert.deepEqual(raw.ends, [], where);
  await assertAlive(raw, phase, where);
}

/** Checks what an accepted message does; true where it ends the connection as it should. */
async function acceptEnds(raw: RawPeer, phase: Phase, number: number): Promise<boolean> {
  const where = `${number} in ${phase}`;
  if (number === 1) {
    assert.equal(raw.end.code, 'disconnected', where);
    assert.deepEqual(await raw.disconnect(), undefined, 'a DISCONNECT is not answered');
    return true;
  }
  if (number === 193) {
    assert.match(raw.end.message, /a PONG answers no PING/);
    return true;
  }
  if (phase === 'first-kex' || phase === 'rekey') {
    if (number <= 4) return false;
    // The conversation waits for one of these only, and that one is empty here.
    const told = await raw.disconnect();
    const expected = raw.transport.role === 'client' ? 31 : 30;
    if (number === expected) assert.equal(raw.end.code, 'bad-message', where);
    else assert.match(raw.end.message, new RegExp(`expected KEX_ECDH_\\w+ \\(${expected}\\), got message ${number}$`));
    assert.equal(told?.reason, 2, where);
    return true;
  }
  if (number >= 50 && number <= 79)
    assert.deepEqual(
      raw.authReceived.map((payload) => payload[0]),
      [number],
      where,
    );
  if (number >= 80 && number <= 100)
    assert.deepEqual(
      raw.connection.payloads.map(([first]) => first),
      [number],
      where,
    );
  return false;
}

/** The connection goes on: it finishes what it was in. */
async function assertAlive(raw: RawPeer, phase: Phase, where: string): Promise<void> {
  // In the first exchange its end decides: see terrapin.test.ts.
  if (phase === 'first-kexinit' || phase === 'first-kex') return;
  if (raw.transport.phase === 'connection') {
    if (phase === 'auth') raw.transport.attach(raw.connection);
    raw.send(ping.encode({ data: Buffer.from('still there?') }));
    const answers = await raw.drain();
    assert.ok(
      answers.some((payload) => payload[0] === 193 && payload.includes('still there?')),
      where,
    );
  }
  await settle(1);
  assert.deepEqual(raw.ends, [], where);
}

/** A well-formed body where the transport reads it, nothing elsewhere. */
function bodyOf(number: number, raw: RawPeer): Buffer {
  switch (number) {
    case 1:
      return Buffer.from([1, 0, 0, 0, 11, 0, 0, 0, 3, 98, 121, 101, 0, 0, 0, 0]);
    case 2:
      return new WireWriter().uint8(2).string('').finish();
    case 3:
      return unimplemented.encode({ sequence: 1 });
    case 4:
      return debug.encode({ alwaysDisplay: false, text: Buffer.from('text'), language: Buffer.alloc(0) });
    case 5:
      return serviceRequest.encode({ service: 'ssh-userauth' });
    case 6:
      return serviceAccept.encode({ service: 'ssh-userauth' });
    case 7:
      return Buffer.from([7, 0, 0, 0, 0]);
    case 20:
      return raw.makeKexInit();
    case 192:
    case 193:
      return new WireWriter().uint8(number).string('').finish();
    default:
      return Buffer.from([number]);
  }
}
