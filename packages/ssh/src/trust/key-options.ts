/** The options field of authorized_keys: what each option does to the permissions (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */
import { matchHostAndAddress } from './addresses.ts';
import { allFeatures, type Feature, features } from './features.ts';
import { type ForwardRule, parseForwardRule } from './forward-rules.ts';
import { fullPermissions, type Permissions } from './permissions.ts';
import { parseTimeSpec } from './time-spec.ts';
import { shown } from './trust-file.ts';

export interface KeyOptions {
  readonly permissions: Permissions;
  /** The key signs certificates and does not log in itself. */
  readonly certAuthority: boolean;
  /** Names one of which a certificate must bear, instead of the user's own. */
  readonly principals: readonly string[] | undefined;
}

/** The options of a line without any. */
export const noKeyOptions: KeyOptions = { permissions: fullPermissions, certAuthority: false, principals: undefined };

/**
 * Reads an options field. An option that is not known, is misspelt or lacks its value gives a reason instead: a limit that
 * is not understood must not be dropped.
 */
export function parseKeyOptions(field: string): KeyOptions | string {
  const options = splitOptions(field);
  if (typeof options === 'string') return options;
  const draft: Draft = {
    allow: allFeatures(true),
    environment: new Map(),
    permitOpen: [],
    permitListen: [],
    requireUserPresence: true,
    requireUserVerification: false,
    certAuthority: false,
  };
  for (const { name, value } of options) {
    const flaw = applyOption(draft, name, value);
    if (flaw !== undefined) return flaw;
  }
  if (draft.principals !== undefined && !draft.certAuthority) return 'principals= needs cert-authority';
  return {
    certAuthority: draft.certAuthority,
    principals: draft.principals,
    permissions: {
      forceCommand: draft.forceCommand,
      environment: draft.environment,
      allow: draft.allow,
      from: draft.from === undefined ? [] : [draft.from],
      sourceAddresses: [],
      permitOpen: draft.permitOpen.length === 0 ? [] : [draft.permitOpen],
      permitListen: draft.permitListen.length === 0 ? [] : [draft.permitListen],
      tunnelDevice: draft.tunnelDevice,
      expiresAt: draft.expiresAt,
      requireUserPresence: draft.requireUserPresence,
      requireUserVerification: draft.requireUserVerification,
    },
  };
}

/** The end of an options field that starts a line: the first blank outside quotes, or the line's end. */
export function optionsEnd(line: string): number {
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (character === '\\' && line[at + 1] === '"') at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === ' ' || character === '\t')) return at;
  }
  return line.length;
}

interface Draft {
  allow: Record<Feature, boolean>;
  forceCommand?: string;
  environment: Map<string, string>;
  from?: string;
  permitOpen: ForwardRule[];
  permitListen: ForwardRule[];
  tunnelDevice?: number;
  expiresAt?: number;
  principals?: string[];
  requireUserPresence: boolean;
  requireUserVerification: boolean;
  certAuthority: boolean;
}

/** What an option does; the returned text says why it cannot. */
type Flag = (draft: Draft) => void;
type Setting = (draft: Draft, value: string) => string | undefined;

const flags = new Map<string, Flag>([
  [
    'restrict',
    (draft) => {
      draft.allow = allFeatures(false);
    },
  ],
  [
    'cert-authority',
    (draft) => {
      draft.certAuthority = true;
    },
  ],
  // sshd(8) names one form of each; OpenSSH reads the opposites too, and the last one stands.
  [
    'no-touch-required',
    (draft) => {
      draft.requireUserPresence = false;
    },
  ],
  [
    'touch-required',
    (draft) => {
      draft.requireUserPresence = true;
    },
  ],
  [
    'verify-required',
    (draft) => {
      draft.requireUserVerification = true;
    },
  ],
  [
    'no-verify-required',
    (draft) => {
      draft.requireUserVerification = false;
    },
  ],
]);
for (const row of features) {
  if (!row.option) continue;
  flags.set(row.name.toLowerCase(), (draft) => {
    draft.allow[row.name] = true;
  });
  flags.set(`no-${row.name.toLowerCase()}`, (draft) => {
    draft.allow[row.name] = false;
    // Forwarding through a network device is forwarding too.
    if (row.name === 'port-forwarding') draft.allow.tunnel = false;
  });
}

const settings = new Map<string, Setting>([
  [
    'command',
    (draft, value) => {
      if (draft.forceCommand !== undefined) return 'command= is given twice';
      draft.forceCommand = value;
      return undefined;
    },
  ],
  [
    'environment',
    (draft, value) => {
      const [, name, text] = /^([A-Za-z0-9_]+)=(.*)$/s.exec(value) ?? [];
      if (name === undefined || text === undefined) return 'environment= wants NAME=value';
      // The first of several values stands, as in OpenSSH.
      if (!draft.environment.has(name)) draft.environment.set(name, text);
      return undefined;
    },
  ],
  [
    'from',
    (draft, value) => {
      if (draft.from !== undefined) return 'from= is given twice';
      try {
        matchHostAndAddress(value, undefined, undefined);
      } catch {
        return `the list of from="${shown(value)}" is malformed`;
      }
      draft.from = value;
      return undefined;
    },
  ],
  [
    'expiry-time',
    (draft, value) => {
      const seconds = parseTimeSpec(value);
      if (seconds === undefined) return `expiry-time="${shown(value)}" is no time of the form YYYYMMDD[HHMM[SS]][Z]`;
      draft.expiresAt = Math.min(draft.expiresAt ?? seconds, seconds);
      return undefined;
    },
  ],
  ['permitopen', (draft, value) => addRule(draft.permitOpen, 'permitopen', value, false)],
  ['permitlisten', (draft, value) => addRule(draft.permitListen, 'permitlisten', value, true)],
  [
    'principals',
    (draft, value) => {
      if (draft.principals !== undefined) return 'principals= is given twice';
      const names = value.split(',');
      if (names.includes('')) return 'principals= holds an empty name';
      draft.principals = names;
      return undefined;
    },
  ],
  [
    'tunnel',
    (draft, value) => {
      const device = /^[0-9]{1,9}$/.test(value) ? Number(value) : undefined;
      if (device === undefined && value !== 'any') return `tunnel="${shown(value)}" is no device number`;
      if (draft.tunnelDevice !== undefined && draft.tunnelDevice !== device) return 'tunnel= is given twice';
      if (device !== undefined) draft.tunnelDevice = device;
      // Naming a device is the way to ask for a tunnel on a restricted line.
      draft.allow.tunnel = true;
      return undefined;
    },
  ],
]);

function applyOption(draft: Draft, name: string, value: string | undefined): string | undefined {
  const key = name.toLowerCase();
  const flag = flags.get(key);
  if (flag !== undefined) {
    if (value !== undefined) return `the option ${shown(name)} takes no value`;
    flag(draft);
    return undefined;
  }
  const setting = settings.get(key);
  if (setting === undefined) return `the option "${shown(name)}" is unknown`;
  if (value === undefined) return `the option ${shown(name)} wants a value in quotes`;
  return setting(draft, value);
}

function addRule(rules: ForwardRule[], option: string, value: string, hostOptional: boolean): string | undefined {
  const rule = parseForwardRule(value, hostOptional);
  if (rule === undefined) return `${option}="${shown(value)}" is not of the form host:port`;
  rules.push(rule);
  return undefined;
}

interface WrittenOption {
  readonly name: string;
  readonly value: string | undefined;
}

/** `a,b="x\"y",c` as names and values; the reason where that is not its form. Empty places between commas mean nothing, as in OpenSSH. */
function splitOptions(field: string): WrittenOption[] | string {
  const options: WrittenOption[] = [];
  // A backslash before a quote always escapes it, even a second backslash: the value must not end where OpenSSH reads on.
  const word = /(?:([A-Za-z0-9-]+)(?:="((?:\\"|(?!\\")[^"])*)")?)?(,|$)/y;
  while (word.lastIndex < field.length) {
    const at = word.lastIndex;
    const found = word.exec(field);
    if (found === null) return `expected an option name or name="value" at "${shown(field.slice(at))}"`;
    const [, name, value] = found;
    if (name !== undefined) options.push({ name, value: value?.replaceAll('\\"', '"') });
  }
  return options;
}
