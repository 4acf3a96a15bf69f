/** What a session lends to its program: the agent and the display. Neither keeps the program from being started. */
import type { SessionBinding } from '../agent/index.ts';
import type { ChannelOpenHandler, ClientSession } from '../connection/index.ts';
import { toSshError } from '../errors.ts';
import type { Transport } from '../transport/index.ts';
import { AgentForwarding, type AgentForwardingHost, type AgentSource } from './agent-forwarding.ts';
import type { StartOptions } from './options.ts';
import { X11Forwarding, type X11ForwardingHost } from './x11/forwarding.ts';

export type LendingHost = AgentForwardingHost & X11ForwardingHost;

export class Lending {
  readonly #host: LendingHost;
  readonly #agent: AgentForwarding;
  readonly #x11: X11Forwarding;
  readonly channelHandlers: ReadonlyMap<string, ChannelOpenHandler>;

  constructor(host: LendingHost) {
    this.#host = host;
    this.#agent = new AgentForwarding(host);
    this.#x11 = new X11Forwarding(host);
    this.channelHandlers = new Map([...this.#agent.channelHandlers, ...this.#x11.channelHandlers]);
  }

  /** Lends the agent to sessions that are not ours. */
  grantAgent(source: Exclude<AgentSource, false>): void {
    this.#agent.grant(source);
  }

  /** Gathers what the requests need; the function that it gives sends them, ahead of the one that starts the program. */
  async prepare(options: StartOptions): Promise<(session: ClientSession) => void> {
    const { agentForwarding = false, x11 } = options;
    const failed = (what: 'agent' | 'x11') => (cause: unknown) => {
      const error = toSshError(cause, { code: 'operation-failed', stage: 'channel' });
      this.#host.log(1, `Warning: ${error.message}`);
      options.onForwardingFailure?.(what, error);
    };
    const prepared = x11 && (await this.#x11.prepare(x11).catch(failed('x11')));
    return (session) => {
      // A session that ends before the answer says so itself.
      const watch = (what: 'agent' | 'x11', asked: Promise<void>) =>
        void asked.catch((error) => session.channel.state === 'closed' || failed(what)(error));
      if (x11 !== undefined && prepared) watch('x11', this.#x11.request(session, prepared, x11));
      if (agentForwarding !== false) watch('agent', this.#agent.request(session, agentForwarding));
    };
  }
}

/** What binds an agent's connection to a session. */
export function bindingOf(
  transport: Pick<Transport, 'hostKey' | 'sessionId' | 'hostKeySignature'>,
): Omit<SessionBinding, 'forwarding'> {
  const { hostKey, sessionId, hostKeySignature: signature } = transport;
  return { hostKey, sessionId, signature };
}
