/** What stands beside the server for its administrator: the control socket and the metrics, as the settings say. */
import type { Peer, ServerOptions, SshServer } from '@nacre/ssh/server';
import type { SocketAddress } from './addresses.ts';
import type { Settings } from './config/config.ts';
import { buildAnswers } from './control/answers.ts';
import { controlSocketPath } from './control/place.ts';
import type { Events } from './events.ts';
import type { Log } from './log.ts';
import { ServerMetrics } from './metrics/server-metrics.ts';
import type { SourceLimits } from './source-limits.ts';
import { LibraryStatus } from './status/source.ts';
import type { StatusSource } from './status/types.ts';

interface ServicesParts {
  readonly log: Log;
  readonly limits: SourceLimits;
  listeners(): readonly SocketAddress[];
}

/** Something that is open at a place. */
interface Held {
  readonly place: string;
  close(): void;
}

const maxShownUser = 256;

export class Services {
  readonly #parts: ServicesParts;
  readonly #metrics = new ServerMetrics();
  readonly #attempted = new WeakMap<Peer, string>();
  #source: StatusSource | undefined;
  #control: Held | undefined;
  #endpoint: Held | undefined;
  #isDraining = false;

  constructor(parts: ServicesParts) {
    this.#parts = parts;
  }

  /** The same events, which are noted as they pass. */
  readonly watch = (events: Events): Events & Pick<ServerOptions, 'onHandshake'> => {
    const counted = this.#metrics.watch(events);
    return {
      ...counted,
      onAttempt: (attempt, peer) => {
        this.#attempted.set(peer, attempt.user.slice(0, maxShownUser));
        counted.onAttempt(attempt, peer);
      },
    };
  };

  /** The server that is told of from now on. */
  serve(server: SshServer): void {
    this.#source = new LibraryStatus({
      server,
      limits: this.#parts.limits,
      listeners: () => this.#parts.listeners().map(({ address, port }) => ({ address, port })),
      isDraining: () => this.#isDraining,
      attemptedUser: (peer) => this.#attempted.get(peer),
    });
  }

  /** Opens, moves and closes what the settings say. Never rejects: without its status a server serves all the same. */
  async configure(settings: Settings): Promise<void> {
    const source = this.#source;
    if (source === undefined) return;
    const { log } = this.#parts;
    const path = controlSocketPath(settings);
    this.#control = await move(this.#control, path, async () => {
      try {
        const { listenControl } = await import('./control/socket.ts');
        const socket = await listenControl(path as string, buildAnswers(source, log));
        log('DEBUG1', `Control socket at ${path}.`);
        return socket;
      } catch (error) {
        log(settings.controlSocket === 'default' ? 'VERBOSE' : 'ERROR', (error as Error).message);
        return undefined;
      }
    });
    const { metricsListen: place } = settings;
    this.#endpoint = await move(this.#endpoint, place && JSON.stringify(place), async () => {
      if (place === undefined) return undefined;
      const name = 'path' in place ? place.path : `${place.host} port ${place.port}`;
      try {
        const { listenMetrics } = await import('./metrics/endpoint.ts');
        const endpoint = await listenMetrics(place, source, this.#metrics);
        log('INFO', `Metrics at ${name}.`);
        return endpoint;
      } catch (error) {
        log('ERROR', (error as Error).message);
        return undefined;
      }
    });
  }

  /** The server takes no new connections any more. */
  drain(): void {
    this.#isDraining = true;
  }

  close(): void {
    this.#control?.close();
    this.#endpoint?.close();
  }
}

/** What is at its place already stays: nobody who asks meanwhile is turned away. */
async function move(
  held: Held | undefined,
  place: string | undefined,
  open: () => Promise<{ close(): void } | undefined>,
): Promise<Held | undefined> {
  if (held !== undefined && held.place === place) return held;
  held?.close();
  if (place === undefined) return undefined;
  const opened = await open();
  return opened && { place, close: () => opened.close() };
}
