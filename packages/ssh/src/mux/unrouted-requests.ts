/**
 * Global requests over a master that hands on no answers: OpenSSH's. It cuts a client off for any request but tcpip-forward,
 * and takes the server's answer to that one for the answer to a request of its own.
 */

import { cancelTcpipForward } from '../connection/global-requests/cancel-tcpip-forward.ts';
import { tcpipForward } from '../connection/index.ts';
import { globalRequest, requestFailure, requestSuccess } from '../connection/messages.ts';

export interface MasterAnswer {
  /** What to send in place of the request. */
  readonly message?: Buffer;
  /** The answer that nobody will send. */
  readonly reply?: Buffer;
}

/**
 * What becomes of a request. A forward is asked for without an answer and taken for granted; where the server refuses it, no
 * connections come. Its end is not told to the server: the master cancels it when this client goes. Port 0 is refused,
 * because nobody would tell which port was chosen, and so is all that this master does not let through.
 */
export function answerForMaster(request: Uint8Array): MasterAnswer {
  const { request: name, wantReply, data } = globalRequest.decode(request);
  const answer = (reply: Buffer): MasterAnswer => (wantReply ? { reply } : {});
  if (name === cancelTcpipForward.name) return answer(requestSuccess.encode({ data: Buffer.alloc(0) }));
  if (name !== tcpipForward.name || tcpipForward.data.decode(data).port === 0) return answer(requestFailure.encode({}));
  const message = globalRequest.encode({ request: name, wantReply: false, data });
  return { message, ...answer(requestSuccess.encode({ data: Buffer.alloc(0) })) };
}
