/** What the parts of scp share: the request, the words, the hosts, and how transfers are run. */
import type { TransferEvent, TransferOptions } from '@nacre/ssh/transfer';
import type { TransferMeter } from '../files/transfer-meter.ts';
import type { ScpRequest } from './flags.ts';
import type { Hosts } from './hosts.ts';
import type { Words } from './words.ts';

export interface ScpContext {
  readonly request: ScpRequest;
  readonly words: Words;
  readonly hosts: Hosts;
  /** Undefined where nobody would see it. */
  readonly meter: TransferMeter | undefined;
}

/** OpenSSH's, where only one of both is given. */
const defaultBufferBytes = 32 * 1024;
const defaultRequests = 64;

/** A transfer as OpenSSH's scp does it: links followed, files written in place, the others go on where one fails. */
export function transferOptions(
  { request, meter }: ScpContext,
  onEvent: (event: TransferEvent) => void,
): TransferOptions {
  const { recursive, preserve, bytesPerSecond, trustNames, limits } = request;
  const { bufferBytes = defaultBufferBytes, requests = defaultRequests } = limits;
  const isLimited = limits.bufferBytes !== undefined || limits.requests !== undefined;
  return {
    recursive,
    preserve,
    links: 'follow',
    continueOnError: true,
    inPlace: true,
    regularOnly: true,
    targetLinks: trustNames ? 'follow' : 'refuse',
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(isLimited && { maxWindowBytes: bufferBytes * requests }),
    onEvent(event) {
      meter?.follow(event);
      onEvent(event);
    },
  };
}
