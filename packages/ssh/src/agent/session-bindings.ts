/** The sessions that an agent connection is bound to (PROTOCOL.agent §1), which tell a local user from a forwarded one. */
import { SshError } from '../errors.ts';
import { decodePublicKey, decodeSignature } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxAgentSessions, maxSessionIdBytes } from '../limits.ts';
import { sessionBind } from './messages.ts';

export interface BoundSession {
  readonly hostKey: PublicKey;
  readonly sessionId: Buffer;
  readonly forwarding: boolean;
}

/** What is known of the other end of one agent connection. */
export class SessionBindings {
  readonly sessions: BoundSession[] = [];
  #attempted = false;

  /** Whether a binding was ever asked for, granted or not. */
  get attempted(): boolean {
    return this.#attempted;
  }

  /**
   * Whether requests may come from another machine. A binding that was tried and refused leaves that unknown, and unknown
   * counts as remote (CVE-2026-73281).
   */
  get remote(): boolean {
    return this.sessions.some(({ forwarding }) => forwarding) || (this.#attempted && this.sessions.length === 0);
  }

  /** Takes a binding. @throws SshError where the signature is wrong, or the binding does not fit those before. */
  bind(contents: Uint8Array): void {
    this.#attempted = true;
    const { hostKey: blob, sessionId, signature, forwarding } = sessionBind.decode(contents);
    // A copy: it outlives the message.
    const hostKey = decodePublicKey(Buffer.from(blob));
    const { algorithm } = decodeSignature(signature);
    if (sessionId.length === 0 || sessionId.length > maxSessionIdBytes)
      throw refused(`the session id has ${sessionId.length} bytes, 1 to ${maxSessionIdBytes} are expected`);
    // SHA-1 signatures can be made to fit a second session.
    if (algorithm === 'ssh-rsa' || !hostKey.verify(sessionId, signature, algorithm))
      throw refused('the host key did not sign the session id');
    if (this.sessions.some((session) => !session.forwarding))
      throw refused('the connection is bound for login already');
    const known = this.sessions.find((session) => session.sessionId.equals(sessionId));
    if (known?.hostKey.equals(hostKey)) return;
    if (known !== undefined) throw refused('the session is bound to another host key');
    if (this.sessions.length >= maxAgentSessions) throw refused(`${maxAgentSessions} sessions are bound already`);
    this.sessions.push({ hostKey, sessionId: Buffer.from(sessionId), forwarding });
  }
}

function refused(reason: string): SshError {
  return new SshError(`session binding refused: ${reason}`, { code: 'agent-refused', stage: 'agent' });
}
