/** The messages of OpenSSH's multiplexing protocol, version 4 (PROTOCOL.mux): requests 0x1…, replies 0x8…, extensions beside. */
import { fields } from '../wire/index.ts';
import { declareMuxMessage, flag, strings } from './message.ts';

const { optional, string, text, uint32 } = fields;

export const muxVersion = 4;

/** Either end's first message; names and values of extensions alternate. */
export const hello = declareMuxMessage('MUX_MSG_HELLO', 0x0000_0001, { version: uint32, extensions: strings });

/** A session whose standard streams follow as file descriptors. */
export const newSession = declareMuxMessage('MUX_C_NEW_SESSION', 0x1000_0002, {
  requestId: uint32,
  reserved: string,
  wantsTerminal: flag,
  wantsX11: flag,
  wantsAgent: flag,
  isSubsystem: flag,
  /** 0xffffffff for none. */
  escapeCharacter: uint32,
  terminalType: string,
  command: string,
  /** `NAME=value` each. */
  environment: strings,
});
export const aliveCheck = declareMuxMessage('MUX_C_ALIVE_CHECK', 0x1000_0004, { requestId: uint32 });
export const terminate = declareMuxMessage('MUX_C_TERMINATE', 0x1000_0005, { requestId: uint32 });

const forwardFields = {
  requestId: uint32,
  kind: uint32,
  listenHost: text,
  listenPort: uint32,
  connectHost: text,
  connectPort: uint32,
};
export const openForward = declareMuxMessage('MUX_C_OPEN_FWD', 0x1000_0006, forwardFields);
export const closeForward = declareMuxMessage('MUX_C_CLOSE_FWD', 0x1000_0007, forwardFields);

/** The document has a string for the port; OpenSSH has always sent a number. */
export const newStdioForward = declareMuxMessage('MUX_C_NEW_STDIO_FWD', 0x1000_0008, {
  requestId: uint32,
  reserved: string,
  connectHost: text,
  connectPort: uint32,
});
export const stopListening = declareMuxMessage('MUX_C_STOP_LISTENING', 0x1000_0009, { requestId: uint32 });
/** What follows its confirmation are messages of the connection protocol. */
export const proxy = declareMuxMessage('MUX_C_PROXY', 0x1000_000f, { requestId: uint32 });
/** Extension `info` (OpenSSH 10.3): asks for a text about the connection or its channels. */
export const extInfo = declareMuxMessage('MUX_C_EXT_INFO', 0x2000_0001, { requestId: uint32, subject: string });

export const ok = declareMuxMessage('MUX_S_OK', 0x8000_0001, { requestId: uint32 });
export const permissionDenied = declareMuxMessage('MUX_S_PERMISSION_DENIED', 0x8000_0002, {
  requestId: uint32,
  reason: string,
});
export const failure = declareMuxMessage('MUX_S_FAILURE', 0x8000_0003, { requestId: uint32, reason: string });
export const exitMessage = declareMuxMessage('MUX_S_EXIT_MESSAGE', 0x8000_0004, { sessionId: uint32, status: uint32 });
export const alive = declareMuxMessage('MUX_S_ALIVE', 0x8000_0005, { requestId: uint32, pid: uint32 });
export const sessionOpened = declareMuxMessage('MUX_S_SESSION_OPENED', 0x8000_0006, {
  requestId: uint32,
  sessionId: uint32,
});
export const remotePort = declareMuxMessage('MUX_S_REMOTE_PORT', 0x8000_0007, { requestId: uint32, port: uint32 });
export const terminalFailed = declareMuxMessage('MUX_S_TTY_ALLOC_FAIL', 0x8000_0008, { sessionId: uint32 });
export const proxyStarted = declareMuxMessage('MUX_S_PROXY', 0x8000_000f, { requestId: uint32 });
export const extInfoReply = declareMuxMessage('MUX_S_EXT_INFO', 0x9000_0001, {
  requestId: uint32,
  information: string,
  more: optional(string),
});

/** Every message, by number. */
export const muxMessages = [
  hello,
  newSession,
  aliveCheck,
  terminate,
  openForward,
  closeForward,
  newStdioForward,
  stopListening,
  proxy,
  extInfo,
  ok,
  permissionDenied,
  failure,
  exitMessage,
  alive,
  sessionOpened,
  remotePort,
  terminalFailed,
  proxyStarted,
  extInfoReply,
] as const;

/** Bytes beside the messages that carry a session's file descriptors, one each: stdin, stdout, stderr. */
export const sessionDescriptors = 3;
/** The same for a stdio forward, which has no stderr. */
export const stdioForwardDescriptors = 2;

/** Extensions by name, as a HELLO tells them. A name without a value, as a cut message has it, is left out. */
export function readExtensions(pairs: readonly Buffer[]): ReadonlyMap<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (let at = 0; at + 1 < pairs.length; at += 2) found.set(String(pairs[at]), pairs[at + 1] as Buffer);
  return found;
}
