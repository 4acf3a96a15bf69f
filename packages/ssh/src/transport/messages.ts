/** The messages of RFC 4253, RFC 8308 and ping@openssh.com, each declared once. */
import { declareMessage, fields } from '../wire/index.ts';

const { boolean, fixed, mpint, name, nameList, optional, rest, string, uint32 } = fields;

export const disconnect = declareMessage('DISCONNECT', 1, {
  reason: uint32,
  // Descriptions are for people: a peer's broken UTF-8 must not hide that it is leaving.
  description: string,
  // RFC 4253 §11.1 has the tag, some peers leave it out.
  language: optional(string),
});
export const ignore = declareMessage('IGNORE', 2, { data: rest });
export const unimplemented = declareMessage('UNIMPLEMENTED', 3, { sequence: uint32 });
export const debug = declareMessage('DEBUG', 4, { alwaysDisplay: boolean, text: string, language: optional(string) });
export const serviceRequest = declareMessage('SERVICE_REQUEST', 5, { service: name });
export const serviceAccept = declareMessage('SERVICE_ACCEPT', 6, { service: name });
export const extInfo = declareMessage('EXT_INFO', 7, { count: uint32, extensions: rest });
export const newCompress = declareMessage('NEWCOMPRESS', 8, {});

export const kexInit = declareMessage('KEXINIT', 20, {
  cookie: fixed(16),
  kex: nameList,
  hostKey: nameList,
  cipherClientToServer: nameList,
  cipherServerToClient: nameList,
  macClientToServer: nameList,
  macServerToClient: nameList,
  compressionClientToServer: nameList,
  compressionServerToClient: nameList,
  languageClientToServer: nameList,
  languageServerToClient: nameList,
  firstKexPacketFollows: boolean,
  reserved: uint32,
});
export const newKeys = declareMessage('NEWKEYS', 21, {});

/** RFC 5656 §4; KEXDH_INIT has the same bytes, with an mpint where the string is. */
export const kexEcdhInit = declareMessage('KEX_ECDH_INIT', 30, { value: string });
export const kexEcdhReply = declareMessage('KEX_ECDH_REPLY', 31, { hostKey: string, value: string, signature: string });

/** RFC 4419 §5; e and f are taken as the strings they are on the wire, as in KEX_ECDH_INIT. */
export const kexDhGexRequest = declareMessage('KEX_DH_GEX_REQUEST', 34, {
  min: uint32,
  preferred: uint32,
  max: uint32,
});
export const kexDhGexGroup = declareMessage('KEX_DH_GEX_GROUP', 31, { p: mpint, g: mpint });
export const kexDhGexInit = declareMessage('KEX_DH_GEX_INIT', 32, { e: string });
export const kexDhGexReply = declareMessage('KEX_DH_GEX_REPLY', 33, { hostKey: string, f: string, signature: string });

/** OpenSSH's PROTOCOL §1.9: a round trip at the transport level. */
export const ping = declareMessage('PING', 192, { data: string });
export const pong = declareMessage('PONG', 193, { data: string });

/** Every message of this layer, for names in logs and for tests that walk over all of them. */
export const transportMessages = [
  disconnect,
  ignore,
  unimplemented,
  debug,
  serviceRequest,
  serviceAccept,
  extInfo,
  newCompress,
  kexInit,
  newKeys,
  kexEcdhInit,
  kexEcdhReply,
  kexDhGexRequest,
  kexDhGexGroup,
  kexDhGexInit,
  kexDhGexReply,
  ping,
  pong,
] as const;
