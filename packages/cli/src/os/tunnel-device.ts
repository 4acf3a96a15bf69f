/** A tunnel device of the kernel, joined to a tunnel: packets are read when they come and written as they come, none is split. */
import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { PacketTunnel } from '@nacre/ssh/connection';
import { platform } from './native.ts';

/** Larger than any packet a device gives out at once. */
const readBytes = 64 * 1024;

export interface TunnelDeviceOptions {
  readonly mode: 'point-to-point' | 'ethernet';
  /** 3 for tun3 or tap3; undefined for whichever is free. */
  readonly unit: number | undefined;
}

/** The device's name for a number, as OpenSSH forms it. */
export function tunnelName({ mode, unit }: TunnelDeviceOptions): string {
  return unit === undefined ? '' : `${mode === 'ethernet' ? 'tap' : 'tun'}${unit}`;
}

/** An open device. Whoever opened it closes it; a device that was made for us goes away then. */
export class TunnelDevice {
  /** The name of the network interface. */
  readonly name: string;
  /** Settles when the device is closed, by us or because somebody deleted it. Never rejects. */
  readonly closed: Promise<void>;
  readonly #fd: number;
  readonly #socket: Socket;
  #tunnel: PacketTunnel | undefined;
  #isOpen = true;

  /** @throws SshError `unsupported` where the system has no such devices, or refuses this one. */
  constructor(options: TunnelDeviceOptions) {
    const system = platform();
    // Node reads pipes and sockets as they become ready, but no other devices. So it gets a pipe, and the device is put in the
    // pipe's place before the first look at it: from then on each read is one packet.
    const { readFd, writeFd } = system.openPipe();
    closeSync(writeFd);
    const onread = { buffer: Buffer.allocUnsafe(readBytes), callback: this.#take };
    this.#fd = readFd;
    this.#socket = new Socket({ fd: readFd, readable: true, writable: false, onread });
    this.#socket.pause();
    try {
      this.name = system.openTunnel(options.mode, tunnelName(options), readFd);
    } catch (error) {
      this.#socket.destroy();
      throw error;
    }
    // The interface was deleted: what it reads as is an error of its own.
    this.#socket.on('error', () => this.close());
    this.closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.close();
        resolve();
      });
    });
  }

  /** Carries packets between the device and the tunnel until one of them ends. A device that ends closes its tunnel. */
  join(tunnel: PacketTunnel): void {
    this.#tunnel = tunnel;
    tunnel.onDrain = () => void this.#socket.resume();
    tunnel.onPacket((packet) => this.#write(packet));
    if (this.#isOpen) this.#socket.resume();
    else tunnel.close();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.destroy();
    this.#tunnel?.close();
  }

  /** A tunnel that is full leaves packets in the kernel's queue, which drops what comes on top of it. */
  readonly #take = (byteCount: number, buffer: Uint8Array): boolean =>
    this.#tunnel?.send(buffer.subarray(0, byteCount)) ?? true;

  /** The device never makes us wait. A packet that it does not take (the interface is not up yet) is lost, as on any wire. */
  #write(packet: Buffer): void {
    if (!this.#isOpen || this.#socket.destroyed) return;
    try {
      writeSync(this.#fd, packet);
    } catch {
      // Whether the interface is gone for good shows in reading.
    }
  }
}
