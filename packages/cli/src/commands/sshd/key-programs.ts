/** Asks the programs of AuthorizedKeysCommand and AuthorizedPrincipalsCommand, and runs none that others could have written. */
import { realpathSync, statSync } from 'node:fs';
import { expandServerTokens, type ServerKeyTokens, type ServerTokenFacts, splitWords } from '@nacre/ssh/config/server';
import { SshError } from '@nacre/ssh/errors';
import type { PublicKey } from '@nacre/ssh/keys';
import type { Peer } from '@nacre/ssh/server';
import { type Account, findAccount, runHelper } from '../../os/index.ts';
import type { Say } from './admission.ts';
import type { Settings } from './config/config.ts';
import { configuredFingerprint, type NameSettings } from './key-names.ts';
import { loggedName } from './log.ts';
import { asAccount, pathFlaw } from './user-files.ts';

/** A key that was offered. */
export interface KeyQuestion {
  readonly account: Account;
  readonly key: PublicKey;
  readonly peer: Peer;
  readonly settings: Settings;
  readonly log: Say;
}

export type KeyProgram = 'AuthorizedKeysCommand' | 'AuthorizedPrincipalsCommand';

/** More is no answer about one user; it is held for clients that have not logged in. */
const maxOutputBytes = 4 * 1024 * 1024;
/** Where LoginGraceTime sets no end. */
const longestMs = 120_000;

/**
 * What the program prints for a key; undefined where it says nothing that counts.
 *
 * Asked for names that are nobody's as well, as NOUSER: the time must not tell which names there are.
 */
export async function askProgram(keyword: KeyProgram, question: KeyQuestion): Promise<string | undefined> {
  const { settings, log } = question;
  const plan = planProgram(keyword, question);
  if (typeof plan === 'string') {
    log('ERROR', plan);
    return undefined;
  }
  const timeoutMs = settings.loginGraceSeconds > 0 ? settings.loginGraceSeconds * 1000 : longestMs;
  const result = await runHelper({ ...plan, timeoutMs, maxBytes: maxOutputBytes });
  if (result.output !== undefined) return result.output.toString('utf8');
  log(result.isExpected ? 'INFO' : 'ERROR', `${keyword} ${plan.argv.map(loggedName).join(' ')} ${result.flaw}`);
  return undefined;
}

/** @throws SshError `bad-file` where a program is configured and nobody to run it as, as OpenSSH refuses to start then. */
export function requireProgramUsers(settings: Settings): void {
  for (const keyword of ['AuthorizedKeysCommand', 'AuthorizedPrincipalsCommand'] as const) {
    const { line, user } = configured(keyword, settings);
    if (line === undefined || user !== undefined) continue;
    throw new SshError(`${keyword} set without ${keyword}User`, { code: 'bad-file', stage: 'config' });
  }
}

/** What to run and as whom, or why not. */
function planProgram(
  keyword: KeyProgram,
  question: KeyQuestion,
): { account: Account; argv: readonly string[] } | string {
  const { line = '', user } = configured(keyword, question.settings);
  if (user === undefined) return `No user for ${keyword} specified, skipping`;
  const name = user.replaceAll(/%([%u])/g, (_whole, letter) => (letter === 'u' ? question.account.name : '%'));
  const account = findAccount(name);
  if (account === undefined) return `${keyword}User "${loggedName(name)}" not found`;
  let argv: readonly string[];
  try {
    argv = buildArguments(keyword, line, question);
  } catch (error) {
    return `${keyword} "${line}": ${(error as Error).message}`;
  }
  const flaw = programFlaw(keyword, argv[0] as string, account);
  return flaw ?? { account, argv };
}

/** Without an argument the program that tells keys gets the user's name, as in OpenSSH. */
function buildArguments(keyword: KeyProgram, line: string, question: KeyQuestion): readonly string[] {
  const [program = '', ...rest] = splitWords(line, 'keep');
  const facts = tokenFacts(question);
  const args = rest.map((word) => expandServerTokens(keyword, word, facts));
  return [program, ...(args.length === 0 && keyword === 'AuthorizedKeysCommand' ? [question.account.name] : args)];
}

/** Looked at with the rights of whom it runs as. */
function programFlaw(keyword: KeyProgram, program: string, account: Account): string | undefined {
  if (!program.startsWith('/')) return `${keyword} path is not absolute`;
  try {
    return asAccount(account, () => {
      const stats = statSync(program);
      const path = realpathSync(program);
      const flaw = stats.isFile() ? pathFlaw(path, stats, 0) : `${path} is not a regular file`;
      return flaw === undefined ? undefined : `Unsafe ${keyword} "${program}": ${flaw}`;
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `Could not stat ${keyword} "${program}": ${code === 'ENOENT' ? 'No such file or directory' : message}`;
  }
}

function configured(keyword: KeyProgram, settings: Settings): { line: string | undefined; user: string | undefined } {
  return keyword === 'AuthorizedKeysCommand'
    ? { line: settings.authorizedKeysCommand, user: settings.authorizedKeysCommandUser }
    : { line: settings.authorizedPrincipalsCommand, user: settings.authorizedPrincipalsCommandUser };
}

function tokenFacts({ account, key, peer, settings }: KeyQuestion): ServerTokenFacts {
  return {
    user: account.name,
    userId: account.uid,
    home: account.home,
    endpoints: () => [
      peer.address ?? 'UNKNOWN',
      peer.port ?? 65_535,
      peer.localAddress ?? 'UNKNOWN',
      peer.localPort ?? 65_535,
    ],
    // The default routing domain has an empty name.
    rdomain: () => peer.routingDomain ?? '',
    key: keyTokens(key, settings),
  };
}

function keyTokens(key: PublicKey, settings: NameSettings): ServerKeyTokens {
  const { certificate } = key;
  const base: ServerKeyTokens = {
    type: () => key.type,
    base64: () => key.blob.toString('base64'),
    fingerprint: () => configuredFingerprint(key, settings),
  };
  if (certificate === undefined) return base;
  const authority = certificate.signatureKey;
  return {
    ...base,
    certificate: {
      keyId: () => certificate.keyId,
      serial: () => String(certificate.serial),
      authorityType: () => authority.type,
      authorityBase64: () => authority.blob.toString('base64'),
      authorityFingerprint: () => configuredFingerprint(authority, settings),
    },
  };
}
