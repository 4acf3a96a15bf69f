/** What ssh is told for one host: flags, then the person's file, then the system's; defaults for the rest. */
import { join } from 'node:path';
import { SshError } from '../../errors.ts';
import { commandLine } from '../place.ts';
import { expandTokens } from '../tokens.ts';
import { expandSettings } from './expand.ts';
import { type ClientKeyword, type ClientSettings, clientKeywords, clientRow } from './keywords.ts';
import type { MatchSubject } from './match.ts';
import {
  type BlockEvent,
  type ClientDraft,
  type Origins,
  type ReadEvent,
  type Reading,
  readClientFile,
  readClientOption,
} from './read.ts';
import type { ClientConfig } from './settled.ts';
import type { ConfigSystem } from './system.ts';
import { clientTokens } from './tokens.ts';

export interface ClientConfigRequest {
  /** The host as it was typed. */
  readonly host: string;
  /** What a program says by itself; it outweighs everything else. */
  readonly given?: ClientDraft;
  /** The command line in its order: texts of `-o`, and what other flags do to the settings. It outweighs every file. */
  readonly commandLine?: readonly (string | ((draft: ClientDraft) => void))[];
  /** `-F`: this file in place of the person's and the system's; `none` for no file at all. */
  readonly configFile?: string | undefined;
  /** The same for several files, read in this order; none for no file at all. */
  readonly configFiles?: readonly string[] | undefined;
  /** What is to be run, for `Match command`; undefined for a shell. */
  readonly command?: string | undefined;
  readonly onEvent?: (event: ReadEvent) => void;
  /** Told of every Host and Match line: whether it applies, and what decided. */
  readonly onBlock?: (event: BlockEvent) => void;
  /**
   * Makes a name canonical (CanonicalizeHostname): the canonical name, or undefined where it stays as it is. Without it names
   * are left alone.
   */
  readonly canonicalize?: (name: string, settings: ClientSettings) => Promise<string | undefined>;
}

/**
 * Settles what is configured for a host, as ssh_config(5) describes.
 *
 * @throws SshError `bad-file` for configurations that OpenSSH refuses as well.
 * @example
 * const { host, settings } = await resolveClientConfig({ host: 'db1' }, system);
 */
export async function resolveClientConfig(request: ClientConfigRequest, system: ConfigSystem): Promise<ClientConfig> {
  const draft: ClientDraft = { ...request.given };
  const origins: Origins = new Map();
  for (const key of Object.keys(draft) as ClientKeyword[]) origins.set(key, [commandLine]);
  let wantsFinalPass = false;
  const pass = { draft, origins, request, system, wantFinalPass: () => (wantsFinalPass = true) };

  const first = createReading(pass, request.host, undefined);
  await takeCommandLine(request.commandLine ?? [], first);
  await readFiles(first, request);
  let host = expandHostName(draft, request.host);
  const settledBefore = withDefaults(draft);
  host = (await canonicalize(request, settledBefore, host)) ?? host;
  // Asked for, canonical names have the files read again also where the name came out as it was.
  if (wantsFinalPass || settledBefore.canonicalizeHostname !== 'no') {
    // The name is settled by now, and so is what decides about it, also where nobody said anything.
    draft.hostName = host;
    draft.canonicalizeHostname ??= clientKeywords.canonicalizeHostname.initial;
    draft.canonicalizeFallbackLocal ??= clientKeywords.canonicalizeFallbackLocal.initial;
    draft.canonicalizeMaxDots ??= clientKeywords.canonicalizeMaxDots.initial;
    await readFiles(createReading(pass, host, host), request);
  }
  const settings = withDefaults(draft);
  const user = settings.user ?? system.localUser;
  return expandSettings({ settings, originalHost: request.host, host, user, origins }, system);
}

async function takeCommandLine(
  entries: NonNullable<ClientConfigRequest['commandLine']>,
  reading: Reading,
): Promise<void> {
  const { draft, origins } = reading;
  for (const entry of entries) {
    if (typeof entry === 'string') await readClientOption(entry, reading);
    else entry(draft);
    for (const key of Object.keys(draft) as ClientKeyword[]) if (!origins.has(key)) origins.set(key, [commandLine]);
  }
}

interface Pass {
  readonly draft: ClientDraft;
  readonly origins: Origins;
  readonly request: ClientConfigRequest;
  readonly system: ConfigSystem;
  readonly wantFinalPass: () => void;
}

/** @param settledHost - in the final pass, the name as settled by the first. */
function createReading(pass: Pass, hostForBlocks: string, settledHost: string | undefined): Reading {
  const { draft, origins, request, system } = pass;
  const host = (): string => settledHost ?? expandHostName(draft, request.host);
  const user = (): string => draft.user ?? system.localUser;
  const tokens = () =>
    clientTokens(
      {
        originalHost: request.host,
        host: host(),
        port: draft.port ?? clientKeywords.port.initial,
        user: user(),
        hostKeyAlias: draft.hostKeyAlias,
        jumpHosts: draft.proxyJump ?? '',
      },
      system,
    );
  const subject: MatchSubject = {
    originalHost: request.host,
    host,
    user,
    localUser: system.localUser,
    tag: () => draft.tag ?? '',
    command: () => request.command ?? draft.remoteCommand ?? '',
    sessionType: () => sessionTypeOf(draft, request.command),
    localAddresses: () => system.localAddresses(),
    exec: async (text) => {
      const command = expandTokens(text, tokens(), 'match exec');
      return { command, status: await system.runCommand(command) };
    },
    isFinalPass: settledHost !== undefined,
    wantFinalPass: pass.wantFinalPass,
  };
  const { onEvent = () => {}, onBlock = () => {} } = request;
  return { draft, origins, system, host: hostForBlocks, subject, tokens, onEvent, onBlock };
}

function sessionTypeOf(draft: ClientDraft, command: string | undefined): string {
  if (draft.sessionType === 'none' || draft.sessionType === 'subsystem') return draft.sessionType;
  return (command ?? draft.remoteCommand) === undefined ? 'shell' : 'exec';
}

async function readFiles(reading: Reading, { configFile, configFiles }: ClientConfigRequest): Promise<void> {
  if (configFile?.toLowerCase() === 'none') return;
  const given = configFiles ?? (configFile === undefined ? undefined : [configFile]);
  for (const file of given ?? []) {
    if (await readClientFile(file, reading, { isUsers: true, checkOwner: false, named: true })) continue;
    throw new SshError(`Can't open user config file ${file}: No such file or directory`, {
      code: 'bad-file',
      stage: 'config',
      remedy: 'Check the name given with -F; "none" reads no file.',
    });
  }
  if (given !== undefined) return;
  const own = join(reading.system.home, '.ssh', 'config');
  await readClientFile(own, reading, { isUsers: true, checkOwner: true, named: false });
  await readClientFile('/etc/ssh/ssh_config', reading, { isUsers: false, checkOwner: false, named: false });
}

function expandHostName(draft: ClientDraft, typed: string): string {
  if (draft.hostName === undefined) return typed.toLowerCase();
  return expandTokens(draft.hostName, { h: () => typed }, 'Hostname').toLowerCase();
}

async function canonicalize(
  request: ClientConfigRequest,
  settings: ClientSettings,
  host: string,
): Promise<string | undefined> {
  const { canonicalizeHostname, proxyCommand, proxyJump } = settings;
  if (request.canonicalize === undefined || canonicalizeHostname === 'no') return undefined;
  // Behind a proxy the name is the proxy's to look up, unless the person insists.
  const isProxied = [proxyCommand, proxyJump].some((value) => value !== undefined && value.toLowerCase() !== 'none');
  if (isProxied && canonicalizeHostname !== 'always') return undefined;
  return await request.canonicalize(host, settings);
}

/** The values that nobody gave; some follow from others. */
function withDefaults(draft: ClientDraft): ClientSettings {
  const settings: Record<string, unknown> = {};
  for (const key of Object.keys(clientKeywords) as ClientKeyword[])
    settings[key] = draft[key] ?? clientRow(key).initial;
  // New keys learned from a server go into the usual files, and not into ones that somebody else keeps.
  if (draft.updateHostKeys === undefined) {
    const isUsual = draft.userKnownHostsFile === undefined && (draft.verifyHostKeyDns ?? 'no') === 'no';
    settings.updateHostKeys = isUsual ? 'yes' : 'no';
  }
  // A question in the middle of a command's output, or to nobody.
  const isAsking = settings.updateHostKeys === 'ask';
  if (isAsking && (draft.remoteCommand !== undefined || draft.controlPersist?.keep)) settings.updateHostKeys = 'no';
  if (settings.clearAllForwardings === true) {
    Object.assign(settings, { localForward: [], remoteForward: [], dynamicForward: [], tunnel: 'no' });
  }
  return settings as unknown as ClientSettings;
}
