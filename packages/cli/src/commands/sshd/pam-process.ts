/** A process that asks PAM, one transaction after the other: everything in it waits, for PAM and for the server's answers alike. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { platform } from '../../os/index.ts';
import { type PamConverse, type PamMessage, PamTransaction, pamCodes } from '../../os/pam.ts';
import type { PamAnswer, PamOrder, PamReply } from './pam-words.ts';

/** Where the server listens; modules may write to the standard output. */
const replyFd = 3;
/** A password of the greatest length, every byte of it escaped. */
const maxLineBytes = 64 * 1024;

/** Serves until its input ends, which is when the server does; gives the exit status. */
export function runPamProcess(): number {
  const lines = openLines();
  if (lines === undefined) return 1;
  const { next, say } = lines;
  say({ kind: 'ready' });
  for (let line = next(); line !== undefined; line = next()) {
    try {
      carryOut(JSON.parse(line) as PamOrder, next, say);
    } catch (error) {
      const isAbsent = error instanceof SshError && error.code === 'unsupported';
      say({ kind: 'failed', reason: (error as Error).message, isAbsent });
    }
  }
  return 0;
}

type Next = () => string | undefined;
type SayReply = (reply: PamReply) => void;

function carryOut(order: PamOrder, next: Next, say: SayReply): void {
  const ask = (message: PamMessage): string | undefined => {
    say({ kind: 'message', ...message });
    if (message.style === 'error' || message.style === 'info') return undefined;
    const line = next();
    // The server is gone, and with it whoever would have answered: nothing more may be done in their name.
    if (line === undefined) process.exit(0);
    const { answer } = JSON.parse(line) as PamAnswer;
    return answer ?? undefined;
  };
  /** Nobody is there to answer. */
  const sayOnly: PamConverse = (message) => {
    if (message.style === 'error' || message.style === 'info') say({ kind: 'message', ...message });
    return undefined;
  };
  const pam = new PamTransaction(order, order.kind === 'login' ? ask : sayOnly);
  let code: number = pamCodes.success;
  try {
    const reply = decide(order, pam, (phase) => {
      say({ kind: 'phase', phase });
      pam.converseWith(phase === 'account' ? sayOnly : ask);
    });
    code = reply.code;
    say({ ...reply, kind: 'done', delayMs: pam.delayMs, environment: pam.environment() });
  } finally {
    pam.end(code);
  }
}

type Decided = Pick<Extract<PamReply, { kind: 'done' }>, 'code' | 'text' | 'account'>;

function decide(order: PamOrder, pam: PamTransaction, enter: (phase: 'account' | 'token') => void): Decided {
  switch (order.kind) {
    case 'close': {
      const closed = pam.closeSession();
      pam.removeCredentials();
      return { ...closed, account: 'good' };
    }
    case 'account':
      return judge(pam);
    case 'login': {
      const login = pam.authenticate(order.allowEmpty);
      if (login.code !== pamCodes.success) return { ...login, account: 'unknown' };
      enter('account');
      const account = judge(pam);
      if (account.account !== 'change' || !order.changesToken)
        return { ...account, code: login.code, text: login.text };
      enter('token');
      const change = pam.changeExpiredToken();
      return { ...change, account: change.code === pamCodes.success ? 'good' : 'change' };
    }
  }
}

function judge(pam: PamTransaction): Decided {
  const outcome = pam.checkAccount();
  if (outcome.code === pamCodes.newTokenRequired) return { ...outcome, account: 'change' };
  return { ...outcome, account: outcome.code === pamCodes.success ? 'good' : 'denied' };
}

/** Input and output by descriptors that no program of a module's inherits; the standard ones lead nowhere. */
function openLines(): { next: Next; say: SayReply } | undefined {
  const system = platform();
  const inputFd = system.cloneDescriptor(0);
  const outputFd = system.cloneDescriptor(replyFd);
  closeSync(replyFd);
  const nowhere = openSync('/dev/null', constants.O_RDWR);
  system.duplicate(nowhere, 0);
  closeSync(nowhere);
  // Passwords are in this memory.
  system.hideMemory();
  let rest = Buffer.alloc(0);
  const next: Next = () => {
    const chunk = Buffer.alloc(4096);
    for (;;) {
      const end = rest.indexOf(0x0a);
      if (end >= 0) {
        const line = rest.toString('utf8', 0, end);
        const left = Buffer.from(rest.subarray(end + 1));
        rest.fill(0);
        rest = left;
        return line;
      }
      if (rest.length > maxLineBytes) return undefined;
      const length = readSync(inputFd, chunk);
      if (length === 0) return undefined;
      const joined = Buffer.concat([rest, chunk.subarray(0, length)]);
      rest.fill(0);
      rest = joined;
      chunk.fill(0);
    }
  };
  const say: SayReply = (reply) => {
    let bytes = Buffer.from(`${JSON.stringify(reply)}\n`, 'utf8');
    while (bytes.length > 0) bytes = bytes.subarray(writeSync(outputFd, bytes));
  };
  return { next, say };
}
