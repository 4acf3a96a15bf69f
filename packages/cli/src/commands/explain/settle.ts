/** Reads the configuration as ssh does, and keeps what happened on the way. */
import { join } from 'node:path';
import { type Expansion, nodeConfigSystem, resolveHostNames } from '@nacre/ssh/client';
import {
  type BlockEvent,
  type ClientConfig,
  type ClientDraft,
  type ConfigSystem,
  clientTokens,
  type ReadEvent,
  resolveClientConfig,
  tokenFacts,
} from '@nacre/ssh/config';
import type { BlockFact, FileFact, LineFact } from './explanation.ts';

/** What was typed. */
export interface Asked {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
  readonly configFile: string | undefined;
  /** Texts of -o, and what other flags amount to, in their order. */
  readonly options: readonly string[];
  /** The command to be run, for `Match command`. */
  readonly command: string | undefined;
  /** Whether names may be looked up. */
  readonly mayConnect: boolean;
}

export interface Settled extends Expansion {
  readonly config: ClientConfig;
  readonly system: ConfigSystem;
  readonly files: readonly FileFact[];
  readonly blocks: readonly BlockFact[];
  readonly withoutEffect: readonly LineFact[];
}

/**
 * @throws SshError of stage `config` for a configuration that ssh refuses; what is wrong was given to `onMistake` before.
 */
export async function settle(asked: Asked, onMistake: (text: string) => void): Promise<Settled> {
  const system = nodeConfigSystem();
  const events: ReadEvent[] = [];
  const blocks: BlockEvent[] = [];
  const config = await resolveClientConfig(
    {
      host: asked.host,
      commandLine: [
        ...asked.options,
        (draft: ClientDraft) => {
          if (asked.user !== undefined) draft.user ??= asked.user;
          if (asked.port !== undefined) draft.port ??= asked.port;
        },
      ],
      configFile: asked.configFile,
      command: asked.command,
      onEvent: (event) => {
        if (event.kind === 'mistake') onMistake(event.text);
        else events.push(event);
      },
      onBlock: (event) => void blocks.push(event),
      ...(asked.mayConnect && { canonicalize: resolveHostNames }),
    },
    system,
  );
  return {
    config,
    system,
    home: system.home,
    tokens: clientTokens(tokenFacts(config), system),
    files: filesOf(events, asked, system),
    blocks: blocks.map(blockFact),
    withoutEffect: withoutEffect(events),
  };
}

/** Those that were read, and of the usual two those that are not there. */
function filesOf(events: readonly ReadEvent[], { configFile }: Asked, { home }: ConfigSystem): FileFact[] {
  const read = [...new Set(events.filter(({ kind }) => kind === 'reading').map(({ place }) => place.file))];
  const usual = configFile === undefined ? [join(home, '.ssh', 'config'), '/etc/ssh/ssh_config'] : [];
  return [
    ...read.map((file): FileFact => ({ file, state: 'read' })),
    ...usual.filter((file) => !read.includes(file)).map((file): FileFact => ({ file, state: 'absent' })),
  ];
}

function blockFact({ keyword, words, place, applies, because, ran, isShutOut, isFinalPass }: BlockEvent): BlockFact {
  return {
    ...place,
    text: `${keyword} ${words.join(' ')}`,
    applies,
    because: isShutOut ? 'included from a block that does not apply' : (because ?? null),
    ran,
    pass: isFinalPass ? 2 : 1,
  };
}

const idle: ReadonlySet<ReadEvent['kind']> = new Set(['ignored', 'past', 'unserved', 'shadowed']);

/** Each line once, though the files may have been read twice. */
function withoutEffect(events: readonly ReadEvent[]): LineFact[] {
  const lines = new Map<string, LineFact>();
  for (const { kind, place, text } of events) {
    if (!idle.has(kind)) continue;
    const own = text.replace(/^.*? line \d+: /, '');
    const key = `${place.file}:${place.line}`;
    if (!lines.has(key)) lines.set(key, { ...place, text: own });
  }
  return [...lines.values()];
}
