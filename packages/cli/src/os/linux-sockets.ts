/** What Node cannot ask of sockets on Linux: an acknowledgement, a device to be bound to, whether one listens, and datagrams between processes. */
import { closeSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import type { Libc } from './libc.ts';
import type { Platform } from './platform.ts';

/** asm-generic/socket.h, linux/socket.h, netinet/in.h. */
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTODEVICE = 25;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_QUICKACK = 12;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const MSG_NOSIGNAL = 0x4000;

/** IFNAMSIZ, its NUL included. */
const deviceNameBytes = 16;
/** sockaddr_un: the family, then this much of a path. */
const unixPathBytes = 108;
/** As much as Node asks for; the kernel's own bound (somaxconn) counts besides. */
const backlog = 511;

export type LinuxSockets = Pick<
  Platform,
  'acknowledge' | 'listenOnDevice' | 'getBoundDevice' | 'isListening' | 'sendDatagram'
>;

/** Bound when first used. */
export function bindSockets(libc: Libc): LinuxSockets {
  let bound: LinuxSockets | undefined;
  const calls = () => {
    bound ??= bind(libc);
    return bound;
  };
  return {
    acknowledge: (fd) => calls().acknowledge(fd),
    listenOnDevice: (device, address, port) => calls().listenOnDevice(device, address, port),
    getBoundDevice: (fd) => calls().getBoundDevice(fd),
    isListening: (fd) => calls().isListening(fd),
    sendDatagram: (path, data) => calls().sendDatagram(path, data),
  };
}

function bind({ lib, systemError }: Libc): LinuxSockets {
  const openSocket = lib.func('int socket(int domain, int type, int protocol)');
  const bindSocket = lib.func('int bind(int fd, void *address, uint32_t size)');
  const listen = lib.func('int listen(int fd, int backlog)');
  const sendto = lib.func('long sendto(int fd, void *data, size_t size, int flags, void *to, uint32_t toSize)');
  const setsockopt = lib.func('int setsockopt(int fd, int level, int name, void *value, uint32_t size)');
  const getsockopt = lib.func('int getsockopt(int fd, int level, int name, void *value, _Inout_ uint32_t *size)');
  const inetPton = lib.func('int inet_pton(int family, str text, void *address)');
  const nameToIndex = lib.func('uint32_t if_nametoindex(str name)');

  const set = (fd: number, level: number, name: number, value: Buffer, what: string): void => {
    if (setsockopt(fd, level, name, value, value.length) === -1) throw systemError(what);
  };

  /** sockaddr_in or sockaddr_in6; a link-local address names its interface behind a %. */
  function encodeAddress(text: string, port: number): Buffer {
    const [plain = '', scope] = text.split('%');
    const isIpv6 = plain.includes(':');
    const encoded = Buffer.alloc(isIpv6 ? 28 : 16);
    encoded.writeUInt16LE(isIpv6 ? AF_INET6 : AF_INET, 0);
    encoded.writeUInt16BE(port, 2);
    if (inetPton(isIpv6 ? AF_INET6 : AF_INET, plain, encoded.subarray(isIpv6 ? 8 : 4)) !== 1) {
      throw new SshError(`${text} is no address`, { code: 'misuse', stage: 'usage' });
    }
    if (isIpv6 && scope !== undefined) encoded.writeUInt32LE(nameToIndex(scope) || Number(scope) || 0, 24);
    return encoded;
  }

  return {
    acknowledge: (fd) => set(fd, IPPROTO_TCP, TCP_QUICKACK, yes, 'TCP_QUICKACK'),
    listenOnDevice(device, address, port) {
      const to = encodeAddress(address, port);
      const family = to.readUInt16LE(0);
      const fd: number = openSocket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (fd === -1) throw systemError('socket');
      try {
        set(fd, SOL_SOCKET, SO_REUSEADDR, yes, 'SO_REUSEADDR');
        if (family === AF_INET6) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, yes, 'IPV6_V6ONLY');
        // Before it has an address: two domains may have the same ones.
        set(fd, SOL_SOCKET, SO_BINDTODEVICE, encodeDevice(device), `SO_BINDTODEVICE ${device}`);
        if (bindSocket(fd, to, to.length) === -1) throw systemError('bind');
        if (listen(fd, backlog) === -1) throw systemError('listen');
        return fd;
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    },
    getBoundDevice(fd) {
      const name = Buffer.alloc(deviceNameBytes);
      const size: [number] = [name.length];
      if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, size) === -1) throw systemError('getsockopt');
      const end = name.indexOf(0);
      return name.toString('latin1', 0, size[0] === 0 ? 0 : end === -1 ? name.length : end);
    },
    isListening(fd) {
      const answer = Buffer.alloc(4);
      const size: [number] = [answer.length];
      return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, answer, size) === 0 && answer.readInt32LE(0) === 1;
    },
    sendDatagram(path, data) {
      const name = Buffer.from(path);
      if (name.length === 0 || name.length > unixPathBytes - 1) {
        throw new SshError(`${JSON.stringify(path)} is no name of a Unix socket`, { code: 'misuse', stage: 'usage' });
      }
      // An abstract name begins with a NUL and has none behind it; it is written with @.
      const isAbstract = path.startsWith('@');
      if (isAbstract) name[0] = 0;
      const to = Buffer.concat([Buffer.from([AF_UNIX, 0]), name, Buffer.alloc(isAbstract ? 0 : 1)]);
      const fd: number = openSocket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (fd === -1) throw systemError('socket');
      try {
        if (Number(sendto(fd, data, data.length, MSG_NOSIGNAL, to, to.length)) === -1) throw systemError('sendto');
      } finally {
        closeSync(fd);
      }
    },
  };
}

const yes = Buffer.from([1, 0, 0, 0]);

function encodeDevice(name: string): Buffer {
  const bytes = Buffer.from(`${name}\0`);
  if (bytes.length > deviceNameBytes) {
    throw new SshError(`${name} is no network device`, { code: 'misuse', stage: 'usage' });
  }
  return bytes;
}
