/** What clients lend to the programs they start here: their agent and their display, as far as they and we allow it. */
import type { Duplex } from 'node:stream';
import {
  agentConnect,
  agentReq,
  authAgentOpenssh,
  authAgentReqOpenssh,
  ChannelStream,
  type ChannelSubject,
  formatEndpoint,
  type IncomingRequest,
  type ServerSession,
  x11,
  x11Req,
} from '../connection/index.ts';
import { join } from '../io/index.ts';
import type { ChannelSettings, ForwardedAgent } from './options.ts';
import type { ServerConnection } from './server-connection.ts';

const maxCookieLength = 512;

/** Answers the requests of one connection's sessions. */
export class LentThings {
  readonly #connection: ServerConnection;
  readonly #options: ChannelSettings;
  #agent: Promise<ForwardedAgent | undefined> | undefined;
  readonly #displays = new Set<() => void>();
  #isClosed = false;

  constructor(connection: ServerConnection, options: ChannelSettings) {
    this.#connection = connection;
    this.#options = options;
  }

  /** The verdict on a request; undefined for one that is none of ours, or left to the session's own handler. */
  handle(request: IncomingRequest, session: ServerSession): Promise<boolean> | undefined {
    const { agentForwarding, x11Forwarding } = this.#options;
    const isAgent = request.type === authAgentReqOpenssh.name || request.type === agentReq.name;
    if (isAgent && agentForwarding) return this.#lendAgent(request, session, agentForwarding);
    if (request.type === x11Req.name && x11Forwarding) return this.#lendDisplay(request, session, x11Forwarding);
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    void this.#agent?.then(
      (agent) => agent?.close(),
      () => {},
    );
    for (const close of this.#displays) close();
  }

  /** One socket for the whole connection: the client has one agent. */
  async #lendAgent(
    request: IncomingRequest,
    session: ServerSession,
    makeSocket: NonNullable<ChannelSettings['agentForwarding']>,
  ): Promise<boolean> {
    const isStandard = request.type === agentReq.name;
    (isStandard ? agentReq : authAgentReqOpenssh).data.decode(request.data);
    if (session.isStarted || !this.#connection.permissions.allow['agent-forwarding']) return false;
    const type = isStandard ? agentConnect : authAgentOpenssh;
    const onConnection = (stream: Duplex) =>
      void this.#carry(stream, type.name, type.data.encode({}), { kind: 'tunnel', destination: "the client's agent" });
    this.#agent ??= makeSocket({ onConnection }, this.#connection);
    const asked = this.#agent;
    const agent = await asked.catch((error) => {
      this.#agent = undefined;
      throw error;
    });
    if (agent === undefined && this.#agent === asked) this.#agent = undefined;
    if (agent === undefined || this.#isClosed) return false;
    session.serverEnvironment.set('SSH_AUTH_SOCK', agent.path);
    return true;
  }

  async #lendDisplay(
    request: IncomingRequest,
    session: ServerSession,
    makeDisplay: NonNullable<ChannelSettings['x11Forwarding']>,
  ): Promise<boolean> {
    const { authProtocol, authCookie, screen, singleConnection } = x11Req.data.decode(request.data);
    if (session.isStarted || session.serverEnvironment.has('DISPLAY')) return false;
    if (!this.#connection.permissions.allow['X11-forwarding']) return false;
    // They end up in front of xauth, whose commands are lines of words (CVE-2016-3115).
    if (![authProtocol, authCookie].every(isHarmless)) return false;
    let isOpen = true;
    const close = (): void => {
      isOpen = false;
      this.#displays.delete(close);
      display?.close();
    };
    const onConnection = (stream: Duplex, originator: { address: string; port: number }): void => {
      if (!isOpen) {
        stream.destroy();
        return;
      }
      if (singleConnection) close();
      const { address: originatorAddress, port: originatorPort } = originator;
      void this.#carry(stream, x11.name, x11.data.encode({ originatorAddress, originatorPort }), {
        kind: 'tunnel',
        destination: "the client's display",
        originator: formatEndpoint(originatorAddress, originatorPort),
      });
    };
    const asked = { authProtocol, authCookie, screen, singleConnection, onConnection };
    const display = await makeDisplay(asked, this.#connection);
    if (display === undefined) return false;
    this.#displays.add(close);
    if (this.#isClosed) close();
    void session.channel.closed.then(close);
    session.serverEnvironment.set('DISPLAY', display.display);
    session.display = { authProtocol, authCookie, announce: display.announce };
    return true;
  }

  async #carry(stream: Duplex, type: string, data: Buffer, subject: ChannelSubject): Promise<void> {
    stream.on('error', () => {});
    try {
      const channel = await this.#connection.connection.openChannel(type, data, { subject });
      join(new ChannelStream(channel), stream);
    } catch {
      // The client does not want it: whoever connected sees a closed connection.
      stream.destroy();
    }
  }
}

function isHarmless(text: string): boolean {
  return text.length <= maxCookieLength && /^[A-Za-z0-9:/._-]+$/.test(text);
}
