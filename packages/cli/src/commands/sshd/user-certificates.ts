/** Certificates of the server's own authorities (TrustedUserCAKeys), and the names that they must bear. */
import { type Certificate, type PublicKey, parsePublicKey, shortTypeName } from '@nacre/ssh/keys';
import {
  certificateRefusal,
  findAuthorizedPrincipal,
  fullPermissions,
  mergePermissions,
  type Permissions,
  permissionsFromCertificate,
  refusalFor,
} from '@nacre/ssh/trust';
import type { Say } from './admission.ts';
import { readRegularFile } from './config/read-file.ts';
import { configuredFingerprint } from './key-names.ts';
import { askProgram, type KeyQuestion } from './key-programs.ts';
import { expandFile, readUserFile } from './user-files.ts';

/** What a certificate may do; undefined where none of the server's authorities made it, or it is not for this user. */
export async function permitCertificate(
  certificate: Certificate,
  question: KeyQuestion,
): Promise<Permissions | undefined> {
  const { settings, log } = question;
  const file = settings.trustedUserCaKeys;
  const authority = certificate.signatureKey;
  if (file === undefined || !readAuthorities(file, log).some((each) => each.equals(authority))) return undefined;
  const verdict = await judge(certificate, question);
  if (typeof verdict === 'object') return verdict;
  log(
    'ERROR',
    `Refusing certificate ID "${certificate.keyId}" serial=${certificate.serial} signed by ${shortTypeName(authority)} ` +
      `CA ${configuredFingerprint(authority, settings)}: ${verdict}`,
  );
  return undefined;
}

/** The permissions, or why there are none. */
async function judge(certificate: Certificate, question: KeyQuestion): Promise<Permissions | string> {
  const { account, peer, settings } = question;
  const named = await findNamed(certificate, question);
  if (named === undefined) return 'Certificate does not contain an authorized principal';
  const now = Date.now();
  const refusal = certificateRefusal(certificate, {
    principals: [named === 'by-account' ? account.name : named.principal],
    now,
    caSignatureAlgorithms: settings.caSignatureAlgorithms.names,
  });
  if (refusal !== undefined) return refusal;
  try {
    const limits = named === 'by-account' ? fullPermissions : named.permissions;
    const permissions = mergePermissions(limits, permissionsFromCertificate(certificate));
    return refusalFor(permissions, { address: peer.address, hostName: peer.hostName, now }) ?? permissions;
  } catch (error) {
    return (error as Error).message;
  }
}

interface Named {
  readonly principal: string;
  readonly permissions: Permissions;
}

/**
 * The line that names a principal of the certificate's; `by-account` where nothing is configured that would: then the account's
 * name must be one. Where a file or a program is configured one of them must name it, whatever the account is called.
 */
async function findNamed(certificate: Certificate, question: KeyQuestion): Promise<Named | 'by-account' | undefined> {
  const { account, settings, log } = question;
  const { authorizedPrincipalsFile: pattern, authorizedPrincipalsCommand: program } = settings;
  if (pattern === undefined && program === undefined) return 'by-account';
  if (pattern !== undefined) {
    const file = expandFile(pattern, account, 'AuthorizedPrincipalsFile');
    const { bytes, refusal } =
      file === undefined ? {} : readUserFile(account, file, settings.strictModes, 'principals');
    if (refusal !== undefined) log('INFO', refusal);
    const found =
      bytes === undefined ? undefined : findIn(bytes.toString('utf8'), file as string, certificate, question);
    if (found !== undefined) return found;
  }
  if (program === undefined) return undefined;
  const text = await askProgram('AuthorizedPrincipalsCommand', question);
  return text === undefined ? undefined : findIn(text, program, certificate, question);
}

function findIn(text: string, file: string, certificate: Certificate, { peer, log }: KeyQuestion): Named | undefined {
  const verdict = findAuthorizedPrincipal(text, certificate, {
    file,
    address: peer.address,
    hostName: peer.hostName,
    now: Date.now(),
  });
  if (verdict.status === 'authorized') return verdict;
  for (const { line, reason } of verdict.reasons) log('INFO', `${file}:${line}: ${reason}`);
  return undefined;
}

function readAuthorities(file: string, log: Say): PublicKey[] {
  let text: string;
  try {
    text = readRegularFile(file).toString('utf8');
  } catch (error) {
    log('ERROR', `Could not read trusted user CA keys ${file}: ${(error as Error).message}`);
    return [];
  }
  return text.split('\n').flatMap((line, index) => {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) return [];
    try {
      return [parsePublicKey(content).key];
    } catch {
      log('ERROR', `${file}:${index + 1}: not a public key`);
      return [];
    }
  });
}
