/** Why a login was refused, in words, and what can be done about it. */
import { isatty } from 'node:tty';
import type { ClientKeyword, ClientSettings } from '@nacre/ssh/config';
import type { AuthFailure, OfferedKey, RefusedMethod, UnusableKey } from '@nacre/ssh/errors';
import type { Request } from './request.ts';

const mostMethods = 10;

/** To a person at a terminal, or who asked with -v. Programs read the line behind it, which stays as it is. */
export function tellRefusal(failure: AuthFailure, request: Request): void {
  const { log } = request;
  const lines = describeRefusal(failure, request);
  if (isatty(2)) for (const line of lines) log.info(line);
  else for (const line of lines) log.debug(1, line);
}

/** What was offered, what could not be, what the server would still take, and what to do. */
export function describeRefusal(failure: AuthFailure, request: Request): string[] {
  const { keys, methods } = failure;
  const unusable = failure.unusable.filter(({ isMissingDefault }) => !isMissingDefault);
  const facts = [
    ...keys.map(describeKey),
    ...unusable.map(describeUnusable),
    // The server names them: a long list is nobody's help.
    ...methods.slice(0, mostMethods).flatMap((method) => describeMethod(method, failure, request) ?? []),
  ];
  if (facts.length === 0) return [];
  const remedies = findRemedies(failure, unusable, request);
  return [
    `${request.user}@${request.originalHost} did not let us in:`,
    ...facts.map((line) => `  ${line}`),
    ...(remedies.length === 0 ? [] : ['What may help:', ...remedies.map((line) => `  ${line}`)]),
  ];
}

function describeKey(key: OfferedKey): string {
  const { name, fingerprint, outcome } = key;
  const held = key.source === 'agent' ? ' (held by the agent)' : '';
  const what = `key ${name} ${fingerprint}${held}`;
  switch (outcome) {
    case 'refused':
      return `${what}: offered, and the server does not take it`;
    case 'not-signed':
      return `${what}: the server would take it, and it cannot sign: ${reasonOf(key.error)}`;
    case 'signature-refused':
      return `${what}: the server would take it, and then refused its signature`;
    case 'accepted':
      return `${what}: accepted, and the server wants more than that`;
  }
}

function describeUnusable({ path, kind, error }: UnusableKey): string {
  if (kind === 'agent') return `agent: ${error.message}`;
  return `${kind === 'key' ? 'key file' : 'certificate'} ${path}: ${reasonOf(error)}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Below "cannot read the key file" stands what the system says.
  const { cause } = error;
  const isMissing = cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ENOENT';
  return isMissing ? 'there is no such file' : error.message;
}

function describeMethod({ name, outcome }: RefusedMethod, { keys }: AuthFailure, request: Request): string | undefined {
  switch (outcome) {
    case 'refused':
      // The keys stand above, one by one.
      return name === 'publickey' ? undefined : `${name}: tried, and refused`;
    case 'not-proved':
      return name === 'publickey' ? undefined : `${name}: given up, nobody answered`;
    case 'nothing-to-offer':
      if (name !== 'publickey') return `${name}: the server would take it, and there is nothing to offer`;
      return keys.length > 0 ? undefined : 'publickey: there is no key to offer, in files or in an agent';
    case 'off':
      return `${name}: the server would take it, and it was not tried: ${whyOff(name, request)}`;
    case 'unknown':
      return `${name}: the server would take it, and it is not known here`;
  }
}

const switches: Readonly<Record<string, ClientKeyword>> = {
  publickey: 'pubkeyAuthentication',
  password: 'passwordAuthentication',
  'keyboard-interactive': 'kbdInteractiveAuthentication',
  hostbased: 'hostbasedAuthentication',
};

/** The setting that keeps a method from being tried, and where it was said. */
function whyOff(method: string, request: Request): string {
  const { settings, config } = request;
  const said = (keyword: ClientKeyword, words: string): string => {
    const [place] = config.origins.get(keyword) ?? [];
    if (place === undefined) return words;
    return `${words} (${place.line === 0 ? place.file : `${place.file}:${place.line}`})`;
  };
  const keyword = switches[method];
  if (keyword !== undefined && isOff(settings, keyword)) return said(keyword, `${nameOf(keyword)} is off`);
  if (settings.batchMode && method !== 'publickey' && method !== 'hostbased') {
    return said('batchMode', 'BatchMode asks nobody');
  }
  return said(
    'preferredAuthentications',
    `PreferredAuthentications is ${settings.preferredAuthentications ?? 'default'}`,
  );
}

function isOff(settings: ClientSettings, keyword: ClientKeyword): boolean {
  return settings[keyword] === false || settings[keyword] === 'no';
}

function nameOf(keyword: ClientKeyword): string {
  return `${keyword.charAt(0).toUpperCase()}${keyword.slice(1)}`;
}

function findRemedies(failure: AuthFailure, unusable: readonly UnusableKey[], request: Request): string[] {
  const { keys, methods } = failure;
  const { user, originalHost, settings, config } = request;
  const mayUse = (name: string) => methods.some((method) => method.name === name);
  const remedies = new Set<string>();
  for (const { error } of [...keys, ...unusable]) {
    const remedy = (error as { remedy?: string } | undefined)?.remedy;
    if (remedy !== undefined) remedies.add(remedy);
  }
  const port = settings.port === 22 ? '' : `-p ${settings.port} `;
  // What the files say of the way is found again by itself; -J is not.
  const over = config.origins.get('proxyJump')?.[0]?.line === 0 ? `-o ProxyJump=${settings.proxyJump} ` : '';
  const destination = `${over}${user}@${originalHost}`;
  const file = keys.find((key) => key.source === 'file' && key.outcome === 'refused')?.file;
  if (mayUse('publickey') && file !== undefined) {
    remedies.add(`Where another way in works, copy the key: ssh-copy-id ${port}-i ${file} ${destination}`);
  } else if (mayUse('publickey') && keys.length === 0) {
    remedies.add(`Name a key with -i, add one to the agent with ssh-add, or make one with ssh-keygen.`);
  }
  if (keys.some(({ outcome }) => outcome === 'signature-refused')) {
    remedies.add(
      'Ask the server’s keepers: its log says why (a certificate’s limits, the owner or mode of authorized_keys).',
    );
  }
  if (settings.identitiesOnly && mayUse('publickey') && process.env.SSH_AUTH_SOCK) {
    remedies.add(
      'Other keys of the agent are left out by IdentitiesOnly: name one with -i, or take that setting away.',
    );
  }
  if (keys.length >= manyKeys) {
    remedies.add('Servers end a login after a few keys: name the right one with -i and set IdentitiesOnly yes.');
  }
  if (keys.length > 0 || methods.some(({ outcome }) => outcome === 'refused')) {
    remedies.add(`Check the user name: it was "${user}".`);
  }
  return [...remedies];
}

/** OpenSSH's MaxAuthTries is 6. */
const manyKeys = 5;
