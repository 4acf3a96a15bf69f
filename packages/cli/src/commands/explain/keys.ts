/** Which keys would be offered, in which order, and what stands in the way of the others. */
import { readFileSync, statSync } from 'node:fs';
import {
  allAlgorithms,
  configuredOptions,
  connectAgent,
  type Expansion,
  expandPath,
  loadCertificateBeside,
  loadIdentity,
  orEmpty,
  readPublicHalf,
} from '@nacre/ssh/client';
import type { ClientConfig, ConfigPlace } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import { fingerprint, isEncrypted, type PublicKey, parsePublicKey } from '@nacre/ssh/keys';
import type { CertificateFact, KeyFact, KeysFacts } from './explanation.ts';

/** Looks at files and asks the agent; nothing is signed, and nobody is asked for a passphrase. */
export async function findKeys(config: ClientConfig, expansion: Expansion): Promise<KeysFacts> {
  const { settings } = config;
  const { identities = [], agent } = configuredOptions(config, expansion);
  const paths = identities.filter((identity): identity is string => typeof identity === 'string');
  const socket = typeof agent === 'string' ? agent : null;
  const { held, failure } = await askAgent(socket);
  const certificates = namedCertificates(config, expansion);
  const judge = judgeOf(config);
  const left = new Map(held.map((identity) => [blobOf(identity.key), identity]));

  const first: KeyFact[] = [];
  const files: KeyFact[] = [];
  const origins = originsOf(config);
  for (const [index, path] of paths.entries()) {
    const origin = origins[index] ?? null;
    const publicKey = await readPublicHalf(path);
    const identity = publicKey && left.get(blobOf(publicKey));
    if (identity === undefined) {
      files.push(judge(await fileFact(path, origin, certificates)));
      continue;
    }
    left.delete(blobOf(identity.key));
    first.push(
      judge({ ...(await fileFact(path, origin, certificates)), ...agentFact(identity), state: 'agent', reason: null }),
    );
  }
  const others = [...left.values()].map((identity) => ({
    ...nothing,
    ...agentFact(identity),
    state: 'agent' as const,
    certificates: certificatesFor(identity.key, certificates),
    reason: settings.identitiesOnly ? 'IdentitiesOnly: no IdentityFile names it' : null,
  }));
  return { agent: socket, agentFailure: failure, keys: [...first, ...others.map(judge), ...files] };
}

const nothing = {
  file: null,
  origin: null,
  type: null,
  bits: null,
  fingerprint: null,
  comment: null,
  encrypted: null,
  mode: null,
  certificates: [],
  offered: false,
  reason: null,
} as const;

/** Where each file was named, as far as it is a file. */
function originsOf({ settings, origins }: ClientConfig): (ConfigPlace | undefined)[] {
  const places = origins.get('identityFile') ?? [];
  return settings.identityFile.flatMap((path, index) =>
    path.toLowerCase() === 'none' ? [] : [places[index] ?? places.at(-1)],
  );
}

/** A key that the agent holds, of a type that is known here. */
interface HeldKey {
  readonly key: PublicKey;
  readonly comment: string;
}

async function askAgent(socket: string | null): Promise<{ held: readonly HeldKey[]; failure: string | null }> {
  if (socket === null) return { held: [], failure: null };
  try {
    const client = await connectAgent(socket);
    try {
      const identities = await client.list();
      return { held: identities.flatMap(({ key, comment }) => (key ? [{ key, comment }] : [])), failure: null };
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return { held: [], failure: error.message };
  }
}

function agentFact({ key, comment }: HeldKey) {
  return { ...keyFacts(key), comment };
}

function keyFacts(key: PublicKey) {
  return { type: key.type, bits: key.bits, fingerprint: fingerprint(key.plain) };
}

async function fileFact(
  path: string,
  origin: ConfigPlace | null,
  certificates: readonly NamedCertificate[],
): Promise<KeyFact> {
  const base = { ...nothing, file: path, origin };
  let stats: ReturnType<typeof statSync>;
  try {
    stats = statSync(path);
  } catch {
    return { ...base, state: 'absent', reason: 'there is no such file' };
  }
  if (!stats.isFile()) return { ...base, state: 'unusable', reason: 'it is not a regular file' };
  const mode = (Number(stats.mode) & 0o7777).toString(8).padStart(4, '0');
  try {
    const signer = await loadIdentity(path);
    const beside = await loadCertificateBeside(path, signer);
    const found = [
      ...certificatesFor(signer.publicKey, certificates),
      ...(beside === undefined ? [] : [certificateFact(`${path}-cert.pub`, beside.publicKey)]),
    ];
    const isExposed = (Number(stats.mode) & 0o077) !== 0 && stats.uid === process.getuid?.();
    const isPublic = !isPrivate(path);
    return {
      ...base,
      ...keyFacts(signer.publicKey),
      state: isExposed && !isPublic ? 'unusable' : 'file',
      encrypted: isPublic ? null : encryptedState(path),
      mode,
      certificates: found.filter((each): each is CertificateFact => each !== undefined),
      offered: false,
      reason: isPublic
        ? 'it holds a public key only, and the agent has not its private half'
        : isExposed
          ? `others can read it (mode ${mode}): chmod 600`
          : null,
    };
  } catch (error) {
    return { ...base, mode, state: 'unusable', reason: error instanceof Error ? error.message : String(error) };
  }
}

function isPrivate(path: string): boolean {
  return /-----BEGIN |PuTTY-User-Key-File/.test(readFileSync(path, 'latin1').slice(0, 4096));
}

function encryptedState(path: string): boolean | null {
  const bytes = readFileSync(path);
  try {
    return isEncrypted(bytes);
  } catch {
    return null;
  } finally {
    bytes.fill(0);
  }
}

interface NamedCertificate {
  readonly file: string;
  readonly key: PublicKey;
}

/** Those that CertificateFile names; one that cannot be read is left out, as for a login. */
function namedCertificates({ settings }: ClientConfig, expansion: Expansion): NamedCertificate[] {
  return orEmpty(settings.certificateFile).flatMap((name) => {
    const file = expandPath(name, expansion, 'CertificateFile');
    try {
      if (!statSync(file).isFile()) return [];
      const { key } = parsePublicKey(readFileSync(file, 'utf8'));
      return key.certificate === undefined ? [] : [{ file, key }];
    } catch {
      return [];
    }
  });
}

function certificatesFor(key: PublicKey, certificates: readonly NamedCertificate[]): CertificateFact[] {
  return certificates
    .filter((each) => each.key.plain.equals(key.plain))
    .flatMap(({ file, key: certificate }) => certificateFact(file, certificate) ?? []);
}

function certificateFact(file: string, { certificate }: PublicKey): CertificateFact | undefined {
  if (certificate === undefined) return undefined;
  const { keyId, principals, validAfter, validBefore, kind } = certificate;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const isEndless = validBefore > 253_402_300_799n;
  return {
    file,
    keyId,
    principals,
    validBefore: isEndless ? null : new Date(Number(validBefore) * 1000).toISOString(),
    isValid: kind === 'user' && validAfter <= now && now < validBefore,
  };
}

/** Whether a key that is there is offered, by what the settings allow. */
function judgeOf({ settings }: ClientConfig): (key: KeyFact) => KeyFact {
  const accepted = new Set(allAlgorithms(settings).pubkeyAcceptedAlgorithms);
  const reasonFor = ({ type, bits, reason }: KeyFact): string | null => {
    if (settings.pubkeyAuthentication === 'no') return 'PubkeyAuthentication is off';
    if (reason !== null) return reason;
    if (type === null) return 'its type is not known';
    const names = type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type];
    if (!names.some((name) => accepted.has(name))) return `PubkeyAcceptedAlgorithms leaves ${type} out`;
    if (type === 'ssh-rsa' && bits !== null && bits < settings.requiredRsaSize) {
      return `it has ${bits} bits, and RequiredRSASize is ${settings.requiredRsaSize}`;
    }
    return null;
  };
  return (key) => {
    const reason = reasonFor(key);
    return { ...key, offered: reason === null, reason };
  };
}

function blobOf(key: PublicKey): string {
  return key.blob.toString('base64');
}
