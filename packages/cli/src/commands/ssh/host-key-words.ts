/** What ssh says of a server's key: known, changed, revoked, in OpenSSH's words. */
import { fingerprint, type PublicKey, randomArt, shortTypeName } from '@nacre/ssh/keys';
import { formatHostName, type HostKeyVerdict, type KnownHostsEntry } from '@nacre/ssh/trust';
import { expandPath } from './paths.ts';
import type { Request } from './request.ts';

/** The words about one host. */
export class HostKeyWords {
  readonly #request: Request;

  constructor(request: Request) {
    this.#request = request;
  }

  tell(verdict: HostKeyVerdict, key: PublicKey): void {
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
        this.#refuse(`${type} host key for ${host} was revoked and you have requested strict checking.`);
        return;
      case 'changed':
        this.#tellSpoofing(verdict, type);
        this.tellChanged(key.plain);
        this.#tellOffending(verdict.known, key.plain);
        this.#refuse(`Host key for ${host} has changed and you have requested strict checking.`);
        return;
      case 'unknown':
        if (settings.strictHostKeyChecking === 'yes') {
          log.error(`No ${type} host key is known for ${host} and you have requested strict checking.`);
        }
        return;
    }
  }

  /** The server shows another key than the one that is known, by a file or by DNS. */
  tellChanged(key: PublicKey): void {
    const { log, settings } = this.#request;
    const shown = fingerprint(key, settings.fingerprintHash);
    this.#banner('   WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!    ');
    log.error('IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!');
    log.error('Someone could be eavesdropping on you right now (man-in-the-middle attack)!');
    log.error('It is also possible that a host key has just been changed.');
    log.error(`The fingerprint for the ${shortTypeName(key)} key sent by the remote host is\n${shown}.`);
    log.error('Please contact your system administrator.');
  }

  get #host(): string {
    const { settings, host, port } = this.#request;
    return settings.hostKeyAlias ?? formatHostName(host, port);
  }

  /** The address does not know the name's old key: it may belong to another machine (CheckHostIP). */
  #tellSpoofing({ address, addressLine, known }: Extract<HostKeyVerdict, { status: 'changed' }>, type: string): void {
    const { log } = this.#request;
    if (address === undefined) return;
    const isSameChange = address === 'changed' && known.some(({ blob }) => addressLine?.blob.equals(blob) === true);
    if (isSameChange) return;
    this.#banner('      WARNING: POSSIBLE DNS SPOOFING DETECTED!         ');
    log.error(`The ${type} host key for ${this.#host} has changed,`);
    log.error('and the key for the corresponding IP address');
    log.error(`${addressWords[address]}. This could either mean that`);
    log.error('DNS SPOOFING is happening or the IP address for the host');
    log.error('and its host key have changed at the same time.');
    if (addressLine !== undefined) log.error(`Offending key for IP in ${place(addressLine)}`);
  }

  #tellOffending(known: readonly KnownHostsEntry[], key: PublicKey): void {
    const { log, settings } = this.#request;
    const [userFile] = settings.userKnownHostsFile;
    const own = userFile === undefined ? 'known_hosts' : expandPath(userFile, this.#request, 'UserKnownHostsFile');
    log.error(`Add correct host key in ${own} to get rid of this message.`);
    // The line of the same type is the one that was changed, where there is one.
    const offending = known.find((entry) => entry.keyType === key.type) ?? known[0];
    if (offending === undefined) return;
    log.error(`Offending ${shortTypeName(decoded(offending) ?? key)} key in ${place(offending)}`);
    log.error('  remove with:');
    log.error(`  ssh-keygen -f '${offending.file}' -R '${this.#host}'`);
  }

  /** With strict checking it ends here. */
  #refuse(words: string): void {
    const { log, settings } = this.#request;
    if (settings.strictHostKeyChecking !== 'no') log.error(words);
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

const bar = '@'.repeat(59);

const addressWords = { known: 'is unchanged', unknown: 'is unknown', changed: 'has a different value' } as const;

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
