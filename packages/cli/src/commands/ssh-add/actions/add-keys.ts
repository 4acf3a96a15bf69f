/** ssh-add FILE: gives private keys to the agent, each with the certificate beside it. */
import type { AgentConstraints } from '@nacre/ssh/agent';
import { type PrivateKey, securityKeyHandle, withPrivateKeyDetails } from '@nacre/ssh/keys';
import { findPublicKey } from '../../ssh-keygen/key-input.ts';
import { readConstraints } from '../constraints.ts';
import { forEachFile } from '../files.ts';
import { certificateLifetime } from '../lifetime.ts';
import { KeyLoader } from '../load-key.ts';
import type { Request } from '../request.ts';
import { agentWords, say } from '../words.ts';

export async function run(request: Request): Promise<number> {
  const constraints = await readConstraints(request);
  const loader = new KeyLoader({ log: request.log, confirm: request.flags.confirm });
  return forEachFile(request.operands, (path) => addFile(path, loader, constraints, request));
}

async function addFile(
  path: string,
  loader: KeyLoader,
  constraints: AgentConstraints,
  request: Request,
): Promise<boolean> {
  const { flags, securityKeyProvider } = request;
  const loaded = await loader.load(path);
  if (loaded === undefined) return false;
  const { key, name } = loaded;
  const addition: Addition = {
    key,
    comment: key.comment === '' ? name : key.comment,
    // The provider is for the agent's use with a FIDO token; other keys have no need of one.
    constraints: securityKeyHandle(key) === undefined ? constraints : { ...constraints, securityKeyProvider },
  };
  const added = !flags.certificatesOnly && (await addKey(addition, name, request));
  if (flags.plainOnly) return added;
  const certified = await addCertificate(addition, name, request);
  return flags.certificatesOnly ? certified : added;
}

interface Addition {
  readonly key: PrivateKey;
  readonly comment: string;
  readonly constraints: AgentConstraints;
}

async function addKey({ key, comment, constraints }: Addition, name: string, request: Request): Promise<boolean> {
  try {
    await request.agent.add(key, { comment, constraints });
  } catch (error) {
    say(`Could not add identity "${name}": ${agentWords(error)}`);
    return false;
  }
  tell(`Identity added: ${name} (${comment})`, constraints, request);
  return true;
}

/** The certificate beside the file, if there is one: the same private key once more, under the certificate's name. */
async function addCertificate(addition: Addition, name: string, request: Request): Promise<boolean> {
  const { agent, flags, lifetimeSeconds, log } = request;
  const path = `${name}-cert.pub`;
  const certificate = findPublicKey(path)?.key;
  if (certificate === undefined) return false;
  if (!certificate.plain.equals(addition.key.publicKey.plain)) {
    log.error(`Certificate ${path} does not match private key ${name}`);
    return false;
  }
  if (certificate.certificate === undefined) {
    log.error(`Failed to load certificate "${path}": Key is not a certificate`);
    return false;
  }
  const { keyId } = certificate.certificate;
  // OpenSSH 10.1: what has expired opens no door, so the agent need not keep it.
  const seconds = flags.noCertificateExpiry
    ? lifetimeSeconds
    : certificateLifetime(certificate.certificate, lifetimeSeconds, Date.now());
  if (seconds === undefined) {
    log.error(`Certificate ${path} (${keyId}) add failed: Certificate invalid: expired`);
    return false;
  }
  const constraints = { ...addition.constraints, lifetimeSeconds: seconds === 0 ? undefined : seconds };
  const { comment } = addition;
  try {
    await agent.add(withPrivateKeyDetails(addition.key, { certificate }), { comment, constraints });
  } catch (error) {
    log.error(`Certificate ${path} (${keyId}) add failed: ${agentWords(error)}`);
    return false;
  }
  tell(`Certificate added: ${path} (${keyId})`, constraints, request);
  return true;
}

function tell(success: string, { lifetimeSeconds, confirm }: AgentConstraints, { flags }: Request): void {
  if (flags.quiet) return;
  say(success);
  if (lifetimeSeconds !== undefined) say(`Lifetime set to ${lifetimeSeconds} seconds`);
  if (confirm) say('The user must confirm each use of the key');
}
