/** The host key questions and words of ssh, as people know them, around the library's known_hosts policy. */
import type {
  AddressMismatch,
  ClientConnection,
  ConfiguredCallbacks,
  HostKeyUpdate,
  UnknownHostQuestion,
} from '@nacre/ssh/client';
import { keepalive } from '@nacre/ssh/connection';
import { fingerprint, randomArt, shortTypeName } from '@nacre/ssh/keys';
import { formatHostName } from '@nacre/ssh/trust';
import { HostKeyWords } from './host-key-words.ts';
import { giveUpForwarding } from './mismatch.ts';
import type { Request } from './request.ts';

type HostTrustCallbacks = Pick<
  ConfiguredCallbacks,
  'onUnknownHost' | 'onAddressMismatch' | 'onHostKeyUpdate' | 'onVerdict' | 'onDns' | 'onMismatchAccepted'
>;

/** What ssh asks and says while it judges a host. */
export function hostTrustWords(request: Request): HostTrustCallbacks {
  const words = new HostKeyWords(request);
  const mayAskUpdate = request.command === undefined;
  if (request.settings.updateHostKeys === 'ask' && !mayAskUpdate) {
    request.log.debug(1, 'UpdateHostKeys=ask is incompatible with remote command execution; disabling');
  }
  return {
    onUnknownHost: (question) => askUnknown(question, request),
    onAddressMismatch: askAddress,
    // A question in the middle of a command's output would be read by nobody.
    ...(mayAskUpdate && { onHostKeyUpdate: (update: HostKeyUpdate) => askUpdate(update, request) }),
    onVerdict: (verdict, { key }) => words.tell(verdict, key),
    onDns: ({ result }, { key }) => {
      if (result === 'match') return;
      words.tellChanged(key.plain);
      request.log.error('Update the SSHFP RR in DNS with the new host key to get rid of this message.');
    },
    onMismatchAccepted: () => giveUpForwarding(request),
  };
}

/** The keyboard is the remote program's then, also as far as jump hosts are concerned. */
let hasSessionBegun = false;

/**
 * UpdateHostKeys=ask asks before the session takes the keyboard: servers tell their keys right after login, so that whatever
 * answers a later request comes behind them.
 */
export async function settleHostKeyQuestion(connection: ClientConnection, request: Request): Promise<void> {
  if (request.settings.updateHostKeys === 'ask') {
    await connection.connection.globalRequest(keepalive.name).catch(() => {});
    await connection.learning;
  }
  hasSessionBegun = true;
}

/** Keys that are being written down at the end of a short command are worth a moment; a server that never answers is not. */
export async function finishLearning(connection: ClientConnection): Promise<void> {
  if (connection.learning === undefined) return;
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 1000);
  });
  await Promise.race([connection.learning, connection.closed, patience]);
  clearTimeout(timer);
}

/** The question of an unknown host; yes, no, or the fingerprint typed in. */
async function askUnknown(question: UnknownHostQuestion, request: Request): Promise<boolean> {
  const { settings, host, port } = request;
  const { key, otherNames } = question;
  const shown = fingerprint(key, settings.fingerprintHash);
  const name = settings.hostKeyAlias ?? formatHostName(host, port);
  const address =
    question.address === undefined ? '<no hostip for proxy command>' : formatHostName(question.address, port);
  const inDns = question.isInDns === true ? 'Matching' : 'No matching';
  const lines = [
    `The authenticity of host '${name} (${address})' can't be established.`,
    `${shortTypeName(key)} key fingerprint is ${shown}.`,
    ...(settings.visualHostKey ? [randomArt(key, settings.fingerprintHash)] : []),
    ...(question.isInDns === undefined ? [] : [`${inDns} host key fingerprint found in DNS.`]),
    ...otherNameLines(otherNames, request),
    'Are you sure you want to continue connecting (yes/no/[fingerprint])? ',
  ];
  return confirm(lines.join('\n'), "Please type 'yes', 'no' or the fingerprint: ", shown);
}

function askAddress({ text }: AddressMismatch): Promise<boolean> {
  const question = `${text}\nAre you sure you want to continue connecting (yes/no)? `;
  return confirm(question, "Please type 'yes' or 'no': ");
}

async function confirm(question: string, again: string, shown?: string): Promise<boolean> {
  const { askVisible } = await import('../../terminal/prompts.ts');
  for (let prompt = question; ; prompt = again) {
    const answer = (await askVisible(prompt))?.trim();
    if (answer === undefined || answer === '' || answer.toLowerCase() === 'no') return false;
    if (answer.toLowerCase() === 'yes' || answer === shown) return true;
  }
}

const mostUpdateQuestions = 3;

async function askUpdate({ lines }: HostKeyUpdate, request: Request): Promise<boolean> {
  const { log } = request;
  for (const line of lines) log.info(line);
  if (hasSessionBegun) return false;
  const { askVisible } = await import('../../terminal/prompts.ts');
  for (let asked = 0; asked < mostUpdateQuestions; asked++) {
    const answer = (await askVisible('Accept updated hostkeys? (yes/no): '))?.toLowerCase();
    if (answer === 'yes') return true;
    if (answer === undefined || answer === 'no') return false;
    log.info('Please enter "yes" or "no"');
  }
  return false;
}

const mostOtherNames = 8;

function otherNameLines(names: UnknownHostQuestion['otherNames'], { home }: Request): string[] {
  if (names.length === 0) return ['This key is not known by any other names.'];
  const shorten = (file: string) => (file.startsWith(`${home}/`) ? `~${file.slice(home.length)}` : file);
  const shown = names.slice(0, mostOtherNames).map(({ file, line, hosts }) => {
    return `    ${shorten(file)}:${line}: ${hosts ?? '[hashed name]'}`;
  });
  const left = names.length - shown.length;
  return [
    'This host key is known by the following other names/addresses:',
    ...shown,
    ...(left > 0 ? [`    (${left} additional names omitted)`] : []),
  ];
}
