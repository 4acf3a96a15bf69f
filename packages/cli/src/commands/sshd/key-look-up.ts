/** Whether a key may log in to an account: by the user's files, by an authority of the server's, or by a program that knows. */
import { findAuthorizedKey, type Permissions, type TrustText } from '@nacre/ssh/trust';
import type { Settings } from './config/config.ts';
import { askProgram, type KeyQuestion } from './key-programs.ts';
import { revocationRefusal } from './revoked-keys.ts';
import { permitCertificate } from './user-certificates.ts';
import { expandFile, readUserFile } from './user-files.ts';

/** What the key may do; undefined where it may not log in. The first place that lets it in decides. */
export async function permitKey(question: KeyQuestion): Promise<Permissions | undefined> {
  const { key, settings, log } = question;
  const revocation = revocationRefusal(settings.revokedKeys, key, settings);
  if (revocation !== undefined) {
    log('ERROR', revocation);
    return undefined;
  }
  const permissions =
    permitByFiles(question) ?? (await permitByAuthority(question)) ?? (await permitByProgram(question));
  return permissions && withPubkeyAuthOptions(permissions, settings);
}

/** What every signature of a security key has to show, whatever a key's line or certificate says (PubkeyAuthOptions). */
function withPubkeyAuthOptions(permissions: Permissions, { pubkeyAuthOptions }: Settings): Permissions {
  const { touchRequired, verifyRequired } = pubkeyAuthOptions;
  return {
    ...permissions,
    requireUserPresence: permissions.requireUserPresence || touchRequired,
    requireUserVerification: permissions.requireUserVerification || verifyRequired,
  };
}

function permitByFiles(question: KeyQuestion): Permissions | undefined {
  const { account, settings, log } = question;
  for (const pattern of settings.authorizedKeysFile) {
    if (pattern.toLowerCase() === 'none') continue;
    const file = expandFile(pattern, account);
    if (file === undefined) continue;
    const { bytes, refusal } = readUserFile(account, file, settings.strictModes);
    if (refusal !== undefined) log('INFO', refusal);
    const permissions = bytes === undefined ? undefined : permitByText(question, bytes, file);
    if (permissions !== undefined) return permissions;
  }
  return undefined;
}

async function permitByAuthority(question: KeyQuestion): Promise<Permissions | undefined> {
  const { certificate } = question.key;
  if (certificate === undefined || question.settings.trustedUserCaKeys === undefined) return undefined;
  return permitCertificate(certificate, question);
}

async function permitByProgram(question: KeyQuestion): Promise<Permissions | undefined> {
  const { authorizedKeysCommand: line } = question.settings;
  if (line === undefined) return undefined;
  const text = await askProgram('AuthorizedKeysCommand', question);
  return text === undefined ? undefined : permitByText(question, text, line);
}

function permitByText({ account, key, peer, settings, log }: KeyQuestion, text: TrustText, file: string) {
  const verdict = findAuthorizedKey(text, key, {
    user: account.name,
    file,
    address: peer.address,
    hostName: peer.hostName,
    now: Date.now(),
    caSignatureAlgorithms: settings.caSignatureAlgorithms.names,
  });
  if (verdict.status === 'authorized') {
    log('DEBUG1', `${file}:${verdict.line.line}: matching key found`);
    return verdict.permissions;
  }
  for (const { line, reason } of verdict.reasons) log('INFO', `${file}:${line}: ${reason}`);
  return undefined;
}
