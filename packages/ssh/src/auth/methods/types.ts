/** What one login method is: its client side, its server side and when the server has it. */
import type { ClientOutcome, ClientSession } from '../client-session.ts';
import type { UserauthRequest } from '../messages.ts';
import type { ServerAuthOptions } from '../server-options.ts';
import type { ServerSession, ServerVerdict } from '../server-session.ts';

/** A login method: a row of table.ts. */
export interface AuthMethod {
  readonly name: string;
  /** Further names on the wire that mean this method. */
  readonly aliases: readonly string[];
  /** Makes one attempt: one key, one password, one keyboard-interactive dialogue. */
  client(session: ClientSession): Promise<ClientOutcome>;
  /** Decides one request. Throws only SshErrors that end the connection. */
  server<G>(request: UserauthRequest, session: ServerSession<G>): Promise<ServerVerdict<G>>;
  /** Whether the server's options hold what decides this method; without it the method does not exist. */
  hasHandler<G>(options: ServerAuthOptions<G>): boolean;
}
