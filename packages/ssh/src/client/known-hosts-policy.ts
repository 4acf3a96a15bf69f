/** The paved path of trust: known_hosts files, read for every connection, and added to when somebody says yes. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type SshError, toSshError } from '../errors.ts';
import { fingerprint, shortTypeName } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { findHostKeyAlgorithm } from '../transport/index.ts';
import {
  addHost,
  checkHostKey,
  formatHostName,
  type HostKeyVerdict,
  hasHostAuthority,
  type KnownHosts,
  type KnownHostsEntry,
  knownKeyTypes,
  parseKnownHosts,
} from '../trust/index.ts';
import { findInDns } from './dns/find-in-dns.ts';
import { orderByKnown } from './host-key-order.ts';
import {
  type HostKeyAnnouncement,
  type HostKeyPolicy,
  type HostKeyQuestion,
  refusal,
  requireHostCertificate,
} from './host-key-policy.ts';
import type { KnownHostsQuestion } from './known-hosts-command.ts';
import { appendHost, loadKnownHosts } from './known-hosts-files.ts';
import type { KnownHostsOptions, OtherName } from './known-hosts-options.ts';
import { learnHostKeys } from './learn-host-keys.ts';
import { type Basis, certain, disabled, notTrustedYet, untrusted } from './learning-basis.ts';
import { refuseRevokedHostKeys } from './revoked-host-keys.ts';
import type { TrustEventLevel } from './trust-event.ts';

/**
 * Checks host keys against known_hosts files, and remembers new ones where `onUnknown` allows it. Everything else that
 * ssh_config(5) has to say of trust in hosts is an option of it, and all of them work together.
 *
 * @example
 * const server = await connect('example.com', { hostKeys: knownHosts({ onUnknown: 'accept-new', learn: true }) });
 */
export function knownHosts(options: KnownHostsOptions = {}): HostKeyPolicy {
  const policy = new KnownHostsPolicy(options);
  const { learn } = options;
  const hostKeys: HostKeyPolicy = {
    verify: (question) => policy.verify(question),
    preferredAlgorithms: (host, port) => policy.preferredAlgorithms(host, port),
    ...(learn !== undefined && learn !== false && { learn: (...heard) => policy.learn(...heard) }),
  };
  const { revokedFiles = [] } = options;
  if (revokedFiles.length === 0) return hostKeys;
  return refuseRevokedHostKeys(revokedFiles, hostKeys, {
    onRefusal: (error) => options.onEvent?.({ level: 'error', text: error.message }),
  });
}

class KnownHostsPolicy {
  readonly #options: KnownHostsOptions;
  readonly #userFiles: readonly string[];
  readonly #globalFiles: readonly string[];
  /** Why each question was answered with yes. */
  readonly #bases = new WeakMap<HostKeyQuestion, Basis>();

  constructor(options: KnownHostsOptions) {
    const folder = join(homedir(), '.ssh');
    this.#options = options;
    this.#userFiles = options.userFiles ?? [join(folder, 'known_hosts'), join(folder, 'known_hosts2')];
    this.#globalFiles = options.globalFiles ?? ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
  }

  async verify(question: HostKeyQuestion): Promise<void> {
    const basis = await this.#decide(question);
    this.#bases.set(question, basis);
    const { learn = false } = this.#options;
    if (learn !== false && !basis.mayLearn) this.#tell(basis.level, basis.why);
  }

  async preferredAlgorithms(host: string, port: number): Promise<readonly string[] | undefined> {
    const { alias, algorithms, command } = this.#options;
    const files = await this.#load();
    const asked: KnownHostsQuestion = {
      invocation: 'ORDER',
      name: alias ?? formatHostName(host, port),
      key: undefined,
    };
    if (command !== undefined) files.push(await askCommand(command, asked));
    const types = knownKeyTypes(files, host, port, alias);
    return orderByKnown(types, hasHostAuthority(files, host, port, alias), algorithms);
  }

  async learn(announcement: HostKeyAnnouncement, question: HostKeyQuestion): Promise<void> {
    const { learn, alias, algorithms, hashNames, fingerprintHash, onEvent } = this.#options;
    if (this.#bases.get(question)?.mayLearn !== true || this.#userFiles.length === 0) return;
    const { host, port } = question;
    await learnHostKeys(announcement, {
      host,
      port,
      alias,
      address: this.#addressToCheck(question),
      userFiles: this.#userFiles,
      algorithms,
      hashNames,
      fingerprintHash,
      ask: typeof learn === 'function' ? learn : undefined,
      onEvent,
    });
  }

  async #decide(question: HostKeyQuestion): Promise<Basis> {
    const { alias, acceptLocalhostWithoutVerification: acceptsLocalhost = false } = this.#options;
    if (acceptsLocalhost && alias === undefined && isLoopback(question.address)) {
      this.#tell('debug1', 'Forcing accepting of host key for loopback/localhost.');
      return disabled('any key of this machine is accepted');
    }
    const files = await this.#load();
    const isInDns = await this.#askDns(question, files);
    if (isInDns === 'trusted') return certain;
    const further = await this.#askCommand(question);
    const { host, port, key } = question;
    // A certificate vouches for a name, whatever address it is shown at.
    const address = key.certificate === undefined ? this.#addressToCheck(question) : undefined;
    const judge = (shown: PublicKey) => checkHostKey(files, { host, port, key: shown, alias, address }, further);

    let verdict = judge(key);
    let certificateError: SshError | undefined;
    if (key.certificate !== undefined && verdict.status !== 'revoked') {
      if (verdict.status === 'trusted-ca') {
        certificateError = this.#certificateError(key, host);
        if (certificateError === undefined) {
          this.#options.onVerdict?.(verdict, question);
          return disabled('certificate host key in use');
        }
        this.#tell('error', certificateError.message);
      }
      // The server has proved the key below as well, and could have shown it without the certificate.
      this.#tell('debug1', 'No matching CA found. Retry with plain key');
      this.#requireAccepted(key.plain, certificateError);
      verdict = judge(key.plain);
    }
    this.#options.onVerdict?.(verdict, question);
    return this.#act(verdict, question, { files, isInDns, certificateError, address });
  }

  async #act(verdict: HostKeyVerdict, question: HostKeyQuestion, circumstances: Circumstances): Promise<Basis> {
    const { acceptMismatchWithoutVerification: mayGoOn } = this.#options;
    switch (verdict.status) {
      case 'trusted':
        await this.#checkAddress(verdict, question);
        if (verdict.address === 'unknown' && !verdict.withoutPort)
          await this.#addAddress(verdict, question, circumstances);
        return this.#basisOf(verdict);
      case 'unknown':
        return this.#admit(verdict, question, circumstances);
      case 'trusted-ca':
        // A plain key is never trusted through an authority.
        throw refusal('host-key-refused', `${question.host} shows no certificate`);
      case 'revoked':
        if (mayGoOn?.(verdict, question) === true) return untrusted;
        throw refusal(
          'host-key-revoked',
          `the host key of ${question.host} is marked as revoked in ${place(verdict.line)}`,
        );
      case 'changed':
        if (mayGoOn?.(verdict, question) === true) return untrusted;
        throw changedKey(question, verdict);
    }
  }

  #basisOf({ line, addressLine, address, withoutPort }: Extract<HostKeyVerdict, { status: 'trusted' }>): Basis {
    if (withoutPort) return notTrustedYet;
    if (isOfCommand(line)) return disabled('host key found via KnownHostsCommand');
    const lines = address === 'known' && addressLine !== undefined ? [line, addressLine] : [line];
    if (lines.some(({ file }) => this.#globalFiles.includes(file)))
      return disabled('host key found in GlobalKnownHostsFile');
    return certain;
  }

  async #admit(
    verdict: Extract<HostKeyVerdict, { status: 'unknown' }>,
    question: HostKeyQuestion,
    { files, isInDns, certificateError, address }: Circumstances,
  ): Promise<Basis> {
    const { onUnknown = 'refuse', fingerprintHash } = this.#options;
    const key = question.key.plain;
    const shown = fingerprint(key, fingerprintHash);
    if (onUnknown === 'refuse') throw certificateError ?? unknownKey(question, shown);
    if (typeof onUnknown === 'function') {
      const { otherTypes } = verdict;
      const asked = { ...question, key, fingerprint: shown, otherTypes, otherNames: otherNames(files, key), isInDns };
      if ((await onUnknown(asked)) !== true) throw unknownKey(question, shown);
    }
    // Before anything is written: a key that is refused after all must not be known the next time.
    await this.#checkAddress(verdict, question);
    await this.#remember(question, verdict.address === 'unknown' ? address : undefined);
    return typeof onUnknown === 'function' ? certain : notTrustedYet;
  }

  /** The name's key is good; is the address known by another? */
  async #checkAddress(
    verdict: Extract<HostKeyVerdict, { status: 'trusted' | 'unknown' }>,
    question: HostKeyQuestion,
  ): Promise<void> {
    const { address, addressLine } = verdict;
    if (address !== 'changed' || addressLine === undefined) return;
    const { onAddressMismatch = 'refuse', onNotice } = this.#options;
    const hostLine = verdict.status === 'trusted' ? verdict.line : undefined;
    const text = [
      `Warning: the ${shortTypeName(question.key.plain)} host key for '${this.#nameOf(question)}' differs from the key for the IP address '${addressNameOf(question)}'`,
      `Offending key for IP in ${place(addressLine)}`,
      ...(hostLine === undefined ? [] : [`Matching host key in ${place(hostLine)}`]),
    ].join('\n');
    if (typeof onAddressMismatch === 'function') {
      if ((await onAddressMismatch({ ...question, addressLine, hostLine, text })) === true) return;
    } else {
      onNotice?.(text);
      if (onAddressMismatch === 'go-on') return;
      this.#tell('error', 'Exiting, you have requested strict checking.');
    }
    throw refusal(
      'host-key-changed',
      `the address of ${question.host} is known by another key in ${place(addressLine)}`,
      'The name may lead to the wrong machine. If the address has a new owner, remove the old line.',
    );
  }

  /** A known host at an address that is not known yet. */
  async #addAddress(
    { line }: { readonly line: KnownHostsEntry },
    question: HostKeyQuestion,
    { address }: Circumstances,
  ): Promise<void> {
    const { onNotice, hashNames: hashed = false } = this.#options;
    const key = question.key.plain;
    const type = shortTypeName(key);
    const name = addressNameOf(question);
    const [file] = this.#userFiles;
    if (address === undefined) return;
    if (file === undefined || isOfCommand(line)) {
      onNotice?.(`${type} host key for IP address '${name}' not in list of known hosts.`);
      return;
    }
    try {
      await appendHost(file, (text) => addHost(text, { host: address, port: question.port, key, hashed }));
      onNotice?.(
        `Warning: Permanently added the ${type} host key for IP address '${name}' to the list of known hosts.`,
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      onNotice?.(
        `Failed to add the ${type} host key for IP address '${name}' to the list of known hosts (${file}): ${reason}`,
      );
    }
  }

  async #remember(question: HostKeyQuestion, address: string | undefined): Promise<void> {
    const { onNotice, alias, hashNames: hashed = false } = this.#options;
    const [file] = this.#userFiles;
    if (file === undefined) return;
    const key = question.key.plain;
    const { host, port } = alias === undefined ? question : { host: alias, port: 22 };
    const also = address === undefined ? undefined : { host: address, port: question.port };
    try {
      await appendHost(file, (text) => addHost(text, { host, port, key, hashed, also }));
    } catch (error) {
      // The key was accepted; that it cannot be remembered costs a question the next time, and no safety now.
      const reason = error instanceof Error ? error.message : String(error);
      onNotice?.(`Failed to add the host to the list of known hosts (${file}): ${reason}`);
      return;
    }
    const names = [formatHostName(host, port), ...(also === undefined ? [] : [addressNameOf(question)])].join(',');
    onNotice?.(`Warning: Permanently added '${names}' (${shortTypeName(key)}) to the list of known hosts.`);
  }

  /** @returns whether DNS has the key; `trusted` where that is all that is needed. */
  async #askDns(question: HostKeyQuestion, files: readonly KnownHosts[]): Promise<boolean | 'trusted' | undefined> {
    const { dns, onDns, alias } = this.#options;
    if (dns === undefined) return undefined;
    const finding = await findInDns(question, dns.lookUp, (level, text) => this.#tell(level, text));
    if (finding === undefined) return false;
    onDns?.(finding, question);
    if (finding.result !== 'match') return false;
    if (!dns.trustSecure || !finding.secure) return true;
    // Also where DNS would do: somebody marked this key as stolen.
    const { host, port, key } = question;
    return checkHostKey(files, { host, port, key, alias }).status === 'revoked' ? true : 'trusted';
  }

  async #askCommand(question: HostKeyQuestion): Promise<{ host?: KnownHosts; address?: KnownHosts }> {
    const { command } = this.#options;
    if (command === undefined) return {};
    const { key } = question;
    const host = await askCommand(command, { invocation: 'HOSTNAME', name: this.#nameOf(question), key });
    if (key.certificate !== undefined || this.#addressToCheck(question) === undefined) return { host };
    const name = addressNameOf(question);
    return { host, address: await askCommand(command, { invocation: 'ADDRESS', name, key }) };
  }

  /** None where it would say nothing new, or belongs to something on the way. */
  #addressToCheck({ host, address }: HostKeyQuestion): string | undefined {
    const isTold = this.#options.checkAddress === true && address !== undefined && address !== host;
    return isTold && !isLoopback(address) ? address : undefined;
  }

  #certificateError(key: PublicKey, host: string): SshError | undefined {
    try {
      requireHostCertificate(key, this.#options.alias ?? host, this.#options.authorityAlgorithms);
      return undefined;
    } catch (error) {
      return toSshError(error, { code: 'bad-certificate', stage: 'host-key' });
    }
  }

  /** A key that came in a certificate passes for a plain one only where plain ones of its type are wanted at all. */
  #requireAccepted(key: PublicKey, certificateError: SshError | undefined): void {
    const { algorithms } = this.#options;
    const isOfKey = (name: string) => {
      const row = findHostKeyAlgorithm(name);
      return row !== undefined && !row.certificate && row.keyType === key.type;
    };
    if (algorithms === undefined || algorithms.some(isOfKey)) return;
    const text = `host key ${key.type} not permitted by HostkeyAlgorithms`;
    this.#tell('error', text);
    throw certificateError ?? refusal('host-key-refused', text);
  }

  #nameOf({ host, port }: HostKeyQuestion): string {
    return this.#options.alias ?? formatHostName(host, port);
  }

  #load(): Promise<KnownHosts[]> {
    return loadKnownHosts([...this.#userFiles, ...this.#globalFiles]);
  }

  #tell(level: TrustEventLevel, text: string): void {
    this.#options.onEvent?.({ level, text });
  }
}

interface Circumstances {
  readonly files: readonly KnownHosts[];
  readonly isInDns: boolean | undefined;
  readonly certificateError: SshError | undefined;
  /** The address that is looked up as well. */
  readonly address: string | undefined;
}

const commandName = 'KnownHostsCommand-';

async function askCommand(
  command: NonNullable<KnownHostsOptions['command']>,
  question: KnownHostsQuestion,
): Promise<KnownHosts> {
  const text = await command(question);
  return parseKnownHosts(text, { name: `${commandName}${question.invocation}` });
}

function isOfCommand({ file }: KnownHostsEntry): boolean {
  return file.startsWith(commandName);
}

function addressNameOf({ address = '', port }: HostKeyQuestion): string {
  return formatHostName(address, port);
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:127\.|::1$|::ffff:127\.)/.test(address);
}

function unknownKey({ host }: HostKeyQuestion, shown: string): SshError {
  return refusal(
    'host-key-unknown',
    `the authenticity of host ${host} (${shown}) is not known`,
    'Compare the fingerprint with one you trust, then add the key to known_hosts.',
  );
}

function changedKey(question: HostKeyQuestion, verdict: Extract<HostKeyVerdict, { status: 'changed' }>): SshError {
  const lines = verdict.known.map(place).join(', ');
  return refusal(
    'host-key-changed',
    `the host key of ${question.host} has changed to ${fingerprint(question.key.plain)} (${question.key.plain.type}); known is another in ${lines}`,
    'Somebody may be standing between you and the server. If the key was changed on purpose, remove the old line.',
  );
}

function place(line: { file: string; line: number }): string {
  return `${line.file}:${line.line}`;
}

function otherNames(files: readonly KnownHosts[], key: PublicKey): OtherName[] {
  const isSame = (entry: KnownHostsEntry) =>
    entry.marker === undefined && entry.keyType === key.type && entry.blob.equals(key.blob);
  return files
    .flatMap((file) => file.entries.filter(isSame))
    .map(({ file, line, hosts, hashed }) => ({ file, line, hosts: hashed ? undefined : hosts }));
}
