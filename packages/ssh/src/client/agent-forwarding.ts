/** Lends our agent to the server: where we asked for it on this connection, and bound to it before anything reaches the agent. */
import type { Duplex } from 'node:stream';
import { openAgentRelay, type SessionBinding } from '../agent/index.ts';
import {
  agentConnect,
  agentReq,
  authAgentOpenssh,
  authAgentReqOpenssh,
  type ChannelOpenHandler,
  ChannelStream,
  type ClientSession,
  type IncomingOpen,
  openFailureReasons,
} from '../connection/index.ts';
import { SshError, toSshError } from '../errors.ts';
import { connectAgentSocket } from './agent-socket.ts';

/** Which agent: true for that of `SSH_AUTH_SOCK`, a socket's path, or a function that opens a fresh connection to one. */
export type AgentSource = boolean | string | (() => Duplex | Promise<Duplex>);

export interface AgentForwardingHost {
  /** What the server proved in the first key exchange. */
  binding(): Omit<SessionBinding, 'forwarding'>;
  /** Whether the server announced something (RFC 8308). */
  hasExtension(name: string): boolean;
  log(level: 1 | 2 | 3, text: string): void;
}

/** RFC 9987: a server that announces it knows the standard names of the request and of the channel. */
const agentForwardExtension = 'agent-forward';

export class AgentForwarding {
  readonly #host: AgentForwardingHost;
  #source: Exclude<AgentSource, false> | undefined;
  #grants = 0;
  readonly channelHandlers: ReadonlyMap<string, ChannelOpenHandler> = new Map([
    [authAgentOpenssh.name, (open: IncomingOpen) => this.#accept(open)],
    [agentConnect.name, (open: IncomingOpen) => this.#accept(open)],
  ]);

  constructor(host: AgentForwardingHost) {
    this.#host = host;
  }

  /**
   * Asks for it on a session. From then on the server may open channels to the agent for as long as the connection lives, since
   * programs that a session leaves behind may still use it.
   *
   * @throws SshError `misuse` where another agent is forwarded already: the server's channels do not say which they mean.
   *   `request-refused` where the server does not want it.
   */
  async request(session: ClientSession, source: Exclude<AgentSource, false>): Promise<void> {
    if (this.#source !== undefined && this.#source !== source) {
      throw new SshError('another agent is forwarded over this connection already', { code: 'misuse', stage: 'agent' });
    }
    this.#source = source;
    const row = this.#host.hasExtension(agentForwardExtension) ? agentReq : authAgentReqOpenssh;
    this.#host.log(1, 'Requesting authentication agent forwarding.');
    if (await session.channel.request(row.name, row.data.encode({}))) {
      this.#grants++;
      return;
    }
    if (this.#grants === 0) this.#source = undefined;
    throw new SshError('the server refuses to forward the agent', {
      code: 'request-refused',
      stage: 'channel',
      side: 'peer',
      remedy: 'Its AllowAgentForwarding, or the options of the key you logged in with, forbid it.',
    });
  }

  /** Lends it to sessions that are not ours: those of others who share the connection, and ask for it by themselves. */
  grant(source: Exclude<AgentSource, false>): void {
    this.#source ??= source;
    this.#grants++;
  }

  async #accept(open: IncomingOpen): Promise<void> {
    const source = this.#source;
    if (source === undefined) {
      this.#host.log(1, 'the server tried to use an agent that was not forwarded to it: refused');
      return open.refuse();
    }
    try {
      const agent = typeof source === 'function' ? await source() : await openSocket(source);
      const relay = await openAgentRelay(agent, this.#host.binding());
      if (!relay.isBound) this.#host.log(2, 'the agent does not take session-bind@openssh.com');
      try {
        void relay.serve(new ChannelStream(open.accept({ label: 'authentication agent connection' })));
      } catch (error) {
        relay.close();
        throw error;
      }
    } catch (cause) {
      const { message } = toSshError(cause, { code: 'agent-unavailable', stage: 'agent' });
      this.#host.log(1, `agent forwarding: ${message}`);
      open.refuse(openFailureReasons.connectFailed, 'the agent cannot be reached');
    }
  }
}

function openSocket(source: true | string): Promise<Duplex> {
  return connectAgentSocket(source === true ? undefined : source);
}
