/** What ssh's flags do to its settings, in the order in which they are typed. */
import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { parseJumpHosts } from '@nacre/ssh/client';
import {
  type ClientConfigRequest,
  commandLine,
  expandHome,
  type Forward,
  type ForwardKind,
  formatTunnelDevice,
  parseEscapeCharacter,
  parseForward,
  parseTunnelDevice,
} from '@nacre/ssh/config';
import { parseFlags, usageError } from '../../flags/index.ts';
import { type Destination, parseDestination } from './destination.ts';
import { FatalError } from './end.ts';
import { type FlagName, flagTable, refusedFlags } from './flag-table.ts';
import { parseReconnectLimits, type ReconnectLimits } from './reconnect-limits.ts';
import { role } from './role.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What -O asks of a master. */
export type ControlCommand = (typeof controlCommands)[number];
const controlCommands = ['check', 'forward', 'cancel', 'exit', 'stop', 'proxy', 'conninfo', 'channels'] as const;

/** The command line as read, before any file. */
export interface CommandLine {
  readonly destination: Destination;
  readonly command: string | undefined;
  /** How often `-v` stands. */
  readonly level: number;
  readonly quiet: boolean;
  readonly configFile: string | undefined;
  readonly logFile: string | undefined;
  /** -y: messages go to the system's log. */
  readonly syslog: boolean;
  readonly stdioForward: HostPort | undefined;
  /** --reconnect, with its limits. */
  readonly reconnect: ReconnectLimits | undefined;
  /** -O: what a running master is asked. */
  readonly controlCommand: ControlCommand | undefined;
  /** -G: print the settings and end. */
  readonly printConfig: boolean;
  /** --json: what prints facts prints them for programs. */
  readonly json: boolean;
  /** In order, for the resolver of settings. */
  readonly entries: NonNullable<ClientConfigRequest['commandLine']>;
}

type Entry = CommandLine['entries'][number];
type Draft = Parameters<Exclude<Entry, string>>[0];

interface TypedFlag {
  readonly name: FlagName;
  readonly value: string | undefined;
}

interface State {
  level: number;
  quiet: boolean;
  printConfig: boolean;
  json: boolean;
  configFile: string | undefined;
  logFile: string | undefined;
  syslog: boolean;
  stdioForward: HostPort | undefined;
  reconnect: ReconnectLimits | undefined;
  controlCommand: ControlCommand | undefined;
  readonly entries: Entry[];
}

/**
 * Flags, the destination, flags again, and the command: as OpenSSH reads its arguments.
 *
 * @throws SshError `misuse` whose text is the usage, FatalError for everything else that is wrong.
 */
export function readCommandLine(args: readonly string[]): CommandLine {
  const state: State = {
    level: 0,
    quiet: false,
    printConfig: false,
    json: false,
    configFile: undefined,
    logFile: undefined,
    syslog: false,
    stdioForward: undefined,
    reconnect: undefined,
    controlCommand: undefined,
    entries: [],
  };
  const before = parseFlags(flagTable, args);
  for (const flag of before.ordered) takeFlag(flag, state);
  const [typed, ...rest] = before.operands;
  if (typed === undefined) throw usageError(flagTable);
  const destination = requireDestination(typed);
  state.entries.push((draft) => {
    if (destination.user !== undefined) draft.user ??= destination.user;
    if (destination.port !== undefined) draft.port ??= destination.port;
  });
  let operands = rest;
  if (!before.terminated) {
    const after = parseFlags(flagTable, rest);
    for (const flag of after.ordered) takeFlag(flag, state);
    operands = [...after.operands];
  }
  // Everywhere else it is what OpenSSH calls it.
  const hasFacts = state.printConfig || state.controlCommand === 'conninfo';
  if (state.json && !hasFacts) throw usageError(flagTable, 'unknown option -- -');
  return { ...state, destination, command: operands.length === 0 ? undefined : operands.join(' ') };
}

function requireDestination(typed: string): Destination {
  const destination = parseDestination(typed);
  if (destination !== undefined) return destination;
  const isAddress = typed.startsWith('ssh://');
  throw always(isAddress ? `Bad destination: ${typed}` : 'hostname contains invalid characters');
}

/** What decides where the rest is read from and told is done at once; settings are entries, in their order. */
function takeFlag({ name, value = '' }: TypedFlag, state: State): void {
  const refusal = refusedFlags[name];
  if (refusal !== undefined) {
    const letter = flagTable.rows.find((row) => row.name === name)?.letter;
    throw always(`ssh: -${letter}: ${refusal}`);
  }
  switch (name) {
    case 'quiet':
      state.quiet = true;
      return;
    case 'verbose':
      state.level++;
      return;
    case 'logFile':
      state.logFile = value;
      return;
    case 'syslog':
      state.syslog = true;
      return;
    case 'configFile':
      state.configFile = value;
      return;
    case 'printConfig':
      state.printConfig = true;
      return;
    case 'json':
      state.json = true;
      return;
    case 'option':
      state.entries.push(value);
      return;
    case 'protocol1':
      throw always('SSH protocol v.1 is no longer supported');
    case 'reconnect':
      state.reconnect ??= {};
      return;
    case 'reconnectLimits':
      state.reconnect = parseReconnectLimits(value);
      return;
    case 'stdioForward':
      if (state.controlCommand !== undefined) throw always('Cannot specify stdio forward with -O');
      state.stdioForward = readStdioForward(value);
      break;
    case 'controlCommand':
      state.controlCommand = readControlCommand(value, state);
      return;
    default:
  }
  const entry = flagEntries[name]?.(value);
  if (entry !== undefined) state.entries.push(entry);
}

/** What a flag does to the settings. Where -o could have said it before, the flag that overwrites does so as OpenSSH's. */
const flagEntries: Partial<Record<FlagName, (value: string) => Exclude<Entry, string>>> = {
  ipv4: () => set({ addressFamily: 'inet' }),
  ipv6: () => set({ addressFamily: 'inet6' }),
  forwardAgent: () => set({ forwardAgent: true }),
  forwardX11: () => set({ forwardX11: true }),
  forwardX11Trusted: () => set({ forwardX11: true, forwardX11Trusted: true }),
  noForwardAgent: () => set({ forwardAgent: false }),
  noForwardX11: () => set({ forwardX11: false }),
  background: () => set({ forkAfterAuthentication: true, stdinNull: true }),
  bindAddress: (value) => set({ bindAddress: value }),
  bindInterface: (value) => set({ bindInterface: value }),
  ciphers: (value) => set({ ciphers: { text: value, place: commandLine } }),
  compress: () => set({ compression: true }),
  controlMaster: () => (draft) => {
    draft.controlMaster = draft.controlMaster === 'yes' ? 'ask' : 'yes';
  },
  controlPath: (value) => set({ controlPath: value }),
  dynamicForward: (value) => addForward('dynamic', value),
  escapeChar: (value) => set({ escapeChar: readEscapeCharacter(value) }),
  gatewayPorts: () => set({ gatewayPorts: true }),
  identity: (value) => addIdentity(value),
  jump: (value) => (draft) => {
    if (draft.proxyJump !== undefined)
      throw always('Only a single -J option is permitted (use commas to separate multiple jump hops)');
    if (draft.proxyCommand !== undefined) throw always('Cannot specify -J with ProxyCommand');
    requireJumpHosts(value);
    draft.proxyJump = value;
  },
  localForward: (value) => addForward('local', value),
  macs: (value) => set({ macs: { text: value, place: commandLine } }),
  noCommand: () => set({ sessionType: 'none', requestTty: 'no' }),
  noTty: () => set({ requestTty: 'no' }),
  port: (value) => {
    const port = readPort(value);
    return (draft) => {
      draft.port ??= port;
    };
  },
  remoteForward: (value) => addForward('remote', value),
  stdinNull: () => set({ stdinNull: true }),
  stdioForward: () => (draft) => {
    Object.assign(draft, { sessionType: 'none', requestTty: 'no', clearAllForwardings: true });
    draft.exitOnForwardFailure ??= true;
  },
  subsystem: () => set({ sessionType: 'subsystem' }),
  tag: (value) => (draft) => {
    draft.tag ??= value;
  },
  tunnel: (value) => {
    const units = parseTunnelDevice(value);
    if (units === undefined) throw always(`Bad tun device '${value}'`);
    return (draft) => {
      draft.tunnel ??= 'point-to-point';
      draft.tunnelDevice = formatTunnelDevice(units);
    };
  },
  tty: () => (draft) => {
    draft.requestTty = draft.requestTty === 'yes' ? 'force' : 'yes';
  },
  user: (value) => (draft) => {
    draft.user ??= value;
  },
};

function set(values: Draft): (draft: Draft) => void {
  return (draft) => void Object.assign(draft, values);
}

const forwardFields = { local: 'localForward', remote: 'remoteForward', dynamic: 'dynamicForward' } as const;

function addForward(kind: ForwardKind, text: string): (draft: Draft) => void {
  const forward: Forward | undefined = parseForward(text, kind);
  if (forward === undefined) throw always(`Bad ${kind} forwarding specification '${text}'`);
  const field = forwardFields[kind];
  return (draft) => {
    draft[field] = [...(draft[field] ?? []), forward];
  };
}

function requireJumpHosts(value: string): void {
  try {
    parseJumpHosts(value);
  } catch {
    throw always(`Invalid -J argument '${value}'`);
  }
}

function readPort(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65535) throw always(`Bad port '${value}'`);
  return port;
}

function readEscapeCharacter(value: string): number | 'none' {
  const character = parseEscapeCharacter(value);
  if (character === 'invalid') throw always(`Bad escape character '${value}'.`);
  return character;
}

function readStdioForward(value: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port >= 1 && port <= 65535))
    throw always(`Bad stdio forwarding specification '${value}'`);
  return { host, port };
}

function readControlCommand(value: string, state: State): ControlCommand {
  if (state.stdioForward !== undefined) throw always('Cannot specify multiplexing command with -W');
  if (state.controlCommand !== undefined) throw always('Multiplexing command already specified');
  const command = controlCommands.find((name) => name === value);
  if (command === undefined) throw always('Invalid multiplex command.');
  return command;
}

/** A named file that is not there is told of and left out, as OpenSSH does: others may still do. */
function addIdentity(path: string): (draft: Draft) => void {
  try {
    statSync(expandHome(path, userInfo().homedir));
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'No such file or directory',
      EACCES: 'Permission denied',
      ENOTDIR: 'Not a directory',
    };
    // A second process of the same command has been told of it.
    if (role === 'foreground')
      process.stderr.write(`Warning: Identity file ${path} not accessible: ${reasons[code] ?? code}.\n`);
    return () => {};
  }
  return (draft) => {
    const before = draft.identityFile ?? [];
    if (!before.includes(path)) draft.identityFile = [...before, path];
  };
}

function always(message: string): FatalError {
  return new FatalError(message, { always: true });
}
