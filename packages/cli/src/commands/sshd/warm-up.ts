/** Does once, between two connections, what the first login would have to wait for: loading, and the slow first run of code. */
import { setImmediate as turn } from 'node:timers/promises';
import { findAgreement, findCipher, randomBytes } from '@nacre/ssh/crypto';
import { tryPlatform } from '../../os/index.ts';

/** What most clients choose; the rest is a few milliseconds, paid by whoever wants it. */
const agreements = ['curve25519-sha256', 'sntrup761x25519-sha512@openssh.com', 'mlkem768x25519-sha256'];
const ciphers = ['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com'];

/** For whoever meets clients. Never rejects: what cannot be done now is done, or fails, when it is asked for. */
export async function warmUp(): Promise<void> {
  await run([...warmingForChannels(), ...warmingForExchanges()]);
}

/** For whoever takes clients over that are logged in: they may never exchange keys again. */
export async function warmUpForChannels(): Promise<void> {
  await run(warmingForChannels());
}

type Step = () => Promise<void> | void;

function warmingForExchanges(): Step[] {
  return agreements.map((name) => async () => {
    const agreement = findAgreement(name);
    const initiator = await agreement?.start();
    if (agreement !== undefined && initiator !== undefined) await agreement.respond(initiator.value);
  });
}

function warmingForChannels(): Step[] {
  return [
    () => void tryPlatform(),
    ...ciphers.map((name) => () => {
      const cipher = findCipher(name);
      if (cipher === undefined) return;
      const keys = { key: randomBytes(cipher.keyBytes), iv: randomBytes(cipher.ivBytes), macKey: Buffer.alloc(0) };
      cipher.createSealer(keys, null);
    }),
  ];
}

async function run(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    // A connection that came meanwhile goes first.
    await turn();
    try {
      await step();
    } catch {
      // Whoever needs it is told why.
    }
  }
}
