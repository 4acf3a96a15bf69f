/** A connection of our own: the way to the host, and the login. */
import type { ClientConnection } from '@nacre/ssh/client';
import { FatalError } from './end.ts';
import type { FailureFacts } from './failures.ts';
import { type LoginFacts, type LoginOptions, logIn, noFacts, tellLoginFailure } from './log-in.ts';
import type { Request } from './request.ts';
import type { TerminalWish } from './session.ts';

/** A connection that stands, whoever made it. */
export interface Opened {
  readonly connection: ClientConnection;
  readonly facts: FailureFacts;
  /** On the clock of process.uptime(), which is there without being loaded. */
  readonly startedMs: number;
  /** Ends it, and what it leads over. */
  close(): Promise<void>;
}

/** Connects and logs in; undefined where that failed, which the log tells. */
export async function openOwnConnection(request: Request, wish: TerminalWish): Promise<Opened | undefined> {
  const { log, settings } = request;
  const startedMs = process.uptime() * 1000;
  const facts = noFacts(request);
  const lines = log.shows('DEBUG1') ? await (await import('./identity-lines.ts')).identityLines(request) : [];
  let opened: Pick<Opened, 'connection' | 'close'>;
  try {
    opened = await openByWay(request, facts, { lines });
  } catch (error) {
    if (error instanceof FatalError) throw error;
    await tellLoginFailure(error, facts, request);
    return undefined;
  }
  const qos = wish.wanted ? settings.ipQos.interactive : settings.ipQos.bulk;
  // Without a terminal the default is none, so that a plain command loads nothing for it.
  if (qos !== 'none' && facts.stream !== undefined) {
    const { setTypeOfService } = await import('../../os/type-of-service.ts');
    setTypeOfService(facts.stream, qos, (level, text) => log.debug(level, text));
  }
  return { ...opened, facts, startedMs };
}

/**
 * The same for those who have their own words for a failure. Rejects as connect() does; what leads to the host is closed then.
 *
 * @throws FatalError where a host on the way cannot be reached or does not let us through.
 */
export async function openByWay(
  request: Request,
  facts: LoginFacts,
  options: Omit<LoginOptions, 'stream'> = {},
): Promise<Pick<Opened, 'connection' | 'close'>> {
  const way = isStraight(request) ? undefined : await (await import('./way.ts')).openWay(request);
  try {
    const connection = await logIn(request, facts, { ...options, stream: way?.stream });
    const close = async (): Promise<void> => {
      await connection.close();
      await way?.close();
    };
    return { connection, close };
  } catch (error) {
    await way?.close();
    throw error;
  }
}

/** No jump hosts and no program on the way: the common case, which need not load what they take. */
function isStraight({ settings }: Request): boolean {
  return settings.proxyJump === undefined && settings.proxyCommand === undefined;
}
