/** The host key questions and warnings of ssh, in the words that people know, over the library's known_hosts policy. */
import {
  acceptAnyHostKeyWithoutVerification,
  type HostKeyPolicy,
  type HostKeyQuestion,
  knownHosts,
  refuseRevokedHostKeys,
  type UnknownHostQuestion,
} from '@nacre/ssh/client';
import { fingerprint, type PublicKey, randomArt, shortTypeName } from '@nacre/ssh/keys';
import { formatHostName, type HostKeyVerdict, type KnownHostsEntry } from '@nacre/ssh/trust';
import { chooseHostKeyAlgorithms } from './algorithms.ts';
import { expandPath, orEmpty } from './paths.ts';
import type { Request } from './request.ts';

export interface HostTrust {
  readonly policy: HostKeyPolicy;
  /** Whether the key was accepted in spite of what the files say: nothing secret may be typed then. */
  isMismatch(): boolean;
}

/** The policy that the settings ask for. */
export function hostTrust(request: Request): HostTrust {
  const { settings, log } = request;
  const { strictHostKeyChecking: strict, hostKeyAlias: alias } = settings;
  const files = (list: readonly string[], keyword: string): string[] =>
    orEmpty(list).map((file) => expandPath(file, request, keyword));
  const userFiles = files(settings.userKnownHostsFile, 'UserKnownHostsFile');
  const globalFiles = files(settings.globalKnownHostsFile, 'GlobalKnownHostsFile');
  const { names, mayReorder } = chooseHostKeyAlgorithms(settings, log);
  const warnings = new Warnings(request, userFiles);
  let mismatch = false;

  const policy = knownHosts({
    userFiles,
    globalFiles,
    hashNames: settings.hashKnownHosts,
    ...(alias !== undefined && { alias }),
    ...(names && { algorithms: names }),
    onUnknown:
      strict === 'yes' || (strict === 'ask' && settings.batchMode)
        ? 'refuse'
        : strict === 'ask'
          ? (question) => warnings.ask(question)
          : 'accept-new',
    onNotice: (text) => log.info(text),
    onVerdict: (verdict, question) => warnings.tell(verdict, question),
    acceptMismatchWithoutVerification: () => {
      mismatch = strict === 'no';
      return mismatch;
    },
  });
  const revoked = files(settings.revokedHostKeys, 'RevokedHostKeys');
  const isExempt = ({ address = '' }: { address: string | undefined }) =>
    settings.noHostAuthenticationForLocalhost && /^(?:127\.|::1$|::ffff:127\.)/.test(address);
  const anyKey = acceptAnyHostKeyWithoutVerification();
  const asked: HostKeyPolicy = {
    verify: (question) => (isExempt(question) ? anyKey : policy).verify(question),
    preferredAlgorithms: async (host, port) => (mayReorder ? policy.preferredAlgorithms?.(host, port) : names),
  };
  return {
    isMismatch: () => mismatch,
    // Before everything else, and whatever StrictHostKeyChecking says.
    policy: refuseRevokedHostKeys(revoked, asked, { onRefusal: (error) => log.error(error.message) }),
  };
}

const bar = '@'.repeat(59);

/** What is said and asked about one host. */
class Warnings {
  readonly #request: Request;
  readonly #userFiles: readonly string[];

  constructor(request: Request, userFiles: readonly string[]) {
    this.#request = request;
    this.#userFiles = userFiles;
  }

  get #host(): string {
    const { settings, host, port } = this.#request;
    return settings.hostKeyAlias ?? formatHostName(host, port);
  }

  tell(verdict: HostKeyVerdict, { key }: HostKeyQuestion): void {
    const { log, settings } = this.#request;
    const host = this.#host;
    const type = shortTypeName(key.plain);
    if (settings.hostKeyAlias !== undefined) log.debug(1, `using hostkeyalias: ${settings.hostKeyAlias}`);
    switch (verdict.status) {
      case 'trusted':
        log.debug(1, `Host '${host}' is known and matches the ${type} host key.`);
        log.debug(1, `Found key in ${place(verdict.line)}`);
        this.#showArt(key);
        return;
      case 'trusted-ca':
        log.debug(1, `Host '${host}' is known and matches the ${shortTypeName(key)} host certificate.`);
        log.debug(1, `Found CA key in ${place(verdict.line)}`);
        this.#showArt(key);
        return;
      case 'revoked':
        this.#banner('      WARNING: REVOKED HOST KEY DETECTED!              ');
        log.error(`The ${type} host key for ${host} is marked as revoked.`);
        log.error('This could mean that a stolen key is being used to');
        log.error('impersonate this host.');
        this.#judge(`${type} host key for ${host} was revoked and you have requested strict checking.`);
        return;
      case 'changed':
        this.#tellChanged(verdict.known, key.plain);
        this.#judge(`Host key for ${host} has changed and you have requested strict checking.`);
        return;
      case 'unknown':
        if (settings.strictHostKeyChecking === 'yes') {
          log.error(`No ${type} host key is known for ${host} and you have requested strict checking.`);
        }
        return;
    }
  }

  /** The question of ask(); yes, no, or the fingerprint typed in. */
  async ask(question: UnknownHostQuestion): Promise<boolean> {
    const { settings, port } = this.#request;
    const { askVisible } = await import('../../terminal/prompts.ts');
    const { key, otherNames } = question;
    const shown = fingerprint(key, settings.fingerprintHash);
    const address =
      question.address === undefined ? '<no hostip for proxy command>' : formatHostName(question.address, port);
    const lines = [
      `The authenticity of host '${this.#host} (${address})' can't be established.`,
      `${shortTypeName(key)} key fingerprint is ${shown}.`,
      ...(settings.visualHostKey ? [randomArt(key, settings.fingerprintHash)] : []),
      ...this.#otherNameLines(otherNames),
      'Are you sure you want to continue connecting (yes/no/[fingerprint])? ',
    ];
    let prompt = lines.join('\n');
    for (;;) {
      const answer = (await askVisible(prompt))?.trim();
      if (answer === undefined || answer === '' || answer.toLowerCase() === 'no') return false;
      if (answer.toLowerCase() === 'yes' || answer === shown) return true;
      prompt = "Please type 'yes', 'no' or the fingerprint: ";
    }
  }

  #otherNameLines(names: UnknownHostQuestion['otherNames']): string[] {
    if (names.length === 0) return ['This key is not known by any other names.'];
    const shown = names.slice(0, mostOtherNames).map(({ file, line, hosts }) => {
      return `    ${this.#shorten(file)}:${line}: ${hosts ?? '[hashed name]'}`;
    });
    const left = names.length - shown.length;
    return [
      'This host key is known by the following other names/addresses:',
      ...shown,
      ...(left > 0 ? [`    (${left} additional names omitted)`] : []),
    ];
  }

  #shorten(file: string): string {
    const { home } = this.#request;
    return file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file;
  }

  #tellChanged(known: readonly KnownHostsEntry[], key: PublicKey): void {
    const { log } = this.#request;
    this.#banner('   WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!    ');
    log.error('IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!');
    log.error('Someone could be eavesdropping on you right now (man-in-the-middle attack)!');
    log.error('It is also possible that a host key has just been changed.');
    log.error(`The fingerprint for the ${shortTypeName(key)} key sent by the remote host is\n${fingerprint(key)}.`);
    log.error('Please contact your system administrator.');
    log.error(`Add correct host key in ${this.#userFiles[0] ?? 'known_hosts'} to get rid of this message.`);
    // The line of the same type is the one that was changed, where there is one.
    const offending = known.find((entry) => entry.keyType === key.type) ?? known[0];
    if (offending === undefined) return;
    log.error(`Offending ${shortTypeName(decoded(offending) ?? key)} key in ${place(offending)}`);
    log.error('  remove with:');
    log.error(`  ssh-keygen -f "${offending.file}" -R "${this.#host}"`);
  }

  /** With strict checking it ends here; without, nothing secret may be typed. */
  #judge(refusal: string): void {
    const { log, settings } = this.#request;
    if (settings.strictHostKeyChecking !== 'no') {
      log.error(refusal);
      return;
    }
    log.error('Password authentication is disabled to avoid man-in-the-middle attacks.');
    log.error('Keyboard-interactive authentication is disabled to avoid man-in-the-middle attacks.');
  }

  #banner(title: string): void {
    const { log } = this.#request;
    for (const line of [bar, `@ ${title} @`, bar]) log.error(line);
  }

  #showArt(key: PublicKey): void {
    const { log, settings } = this.#request;
    if (!settings.visualHostKey) return;
    const hash = settings.fingerprintHash;
    log.info(`Host key fingerprint is ${fingerprint(key, hash)}\n${randomArt(key, hash)}`);
  }
}

const mostOtherNames = 8;

function place({ file, line }: KnownHostsEntry): string {
  return `${file}:${line}`;
}

function decoded(entry: KnownHostsEntry): PublicKey | undefined {
  try {
    return entry.decodeKey();
  } catch {
    return undefined;
  }
}
