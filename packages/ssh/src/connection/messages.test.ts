import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import * as messages from './messages.ts';

const whole: [string, Buffer, (payload: Buffer) => unknown][] = [
  [
    'GLOBAL_REQUEST',
    messages.globalRequest.encode({ request: 'tcpip-forward', wantReply: true, data: Buffer.from('abcd') }),
    messages.globalRequest.decode,
  ],
  [
    'CHANNEL_OPEN',
    messages.channelOpen.encode({
      type: 'session',
      sender: 7,
      windowBytes: 9,
      maxPacketBytes: 8,
      data: Buffer.alloc(0),
    }),
    messages.channelOpen.decode,
  ],
  [
    'CHANNEL_OPEN_CONFIRMATION',
    messages.channelOpenConfirmation.encode({
      recipient: 1,
      sender: 2,
      windowBytes: 3,
      maxPacketBytes: 4,
      data: Buffer.alloc(0),
    }),
    messages.channelOpenConfirmation.decode,
  ],
  [
    'CHANNEL_OPEN_FAILURE',
    messages.channelOpenFailure.encode({
      recipient: 1,
      reason: 2,
      description: Buffer.from('no'),
      language: Buffer.from('en'),
    }),
    messages.channelOpenFailure.decode,
  ],
  ['WINDOW_ADJUST', messages.channelWindowAdjust.encode({ recipient: 1, bytes: 2 }), messages.readWindowAdjust],
  ['DATA', messages.channelData.encode({ recipient: 1, data: Buffer.from('data') }), messages.readData],
  [
    'EXTENDED_DATA',
    messages.channelExtendedData.encode({ recipient: 1, dataType: 1, data: Buffer.from('data') }),
    messages.readExtendedData,
  ],
  ['EOF', messages.channelEof.encode({ recipient: 1 }), messages.channelEof.decode],
  ['CLOSE', messages.channelClose.encode({ recipient: 1 }), messages.channelClose.decode],
  [
    'CHANNEL_REQUEST',
    messages.channelRequest.encode({ recipient: 1, type: 'env', wantReply: false, data: Buffer.alloc(0) }),
    messages.channelRequest.decode,
  ],
  ['SUCCESS', messages.channelSuccess.encode({ recipient: 1 }), messages.channelSuccess.decode],
  ['FAILURE', messages.channelFailure.encode({ recipient: 1 }), messages.channelFailure.decode],
];

test('every message cut at every byte is a bad-message, whole it is read', () => {
  const endsInRest = new Map([
    ['GLOBAL_REQUEST', 4],
    ['CHANNEL_OPEN', 0],
    ['CHANNEL_OPEN_CONFIRMATION', 0],
    ['CHANNEL_REQUEST', 0],
  ]);
  for (const [name, payload, decode] of whole) {
    assert.doesNotThrow(() => decode(payload), name);
    for (let length = 0; length < payload.length - (endsInRest.get(name) ?? 0); length++) {
      assert.throws(
        () => decode(payload.subarray(0, length)),
        (error: unknown) => error instanceof SshError && error.code === 'bad-message',
        `${name} cut to ${length}`,
      );
    }
  }
});

test('hot paths write what the declarations write', () => {
  for (const [recipient, length] of [
    [0, 0],
    [1, 1],
    [0xffff_ffff, 40_000],
    [0x8000_0000, 9],
  ] as const) {
    const data = Buffer.alloc(length, 0x5a);
    const dataHead = Buffer.alloc(messages.dataHeadBytes);
    messages.writeDataHead(dataHead, recipient, length);
    assert.deepEqual(Buffer.concat([dataHead, data]), messages.channelData.encode({ recipient, data }));
    const extendedHead = Buffer.alloc(messages.extendedDataHeadBytes);
    messages.writeExtendedDataHead(extendedHead, recipient, length);
    assert.deepEqual(
      Buffer.concat([extendedHead, data]),
      messages.channelExtendedData.encode({ recipient, dataType: 1, data }),
    );
    const adjust = Buffer.alloc(messages.windowAdjustBytes);
    messages.writeWindowAdjust(adjust, recipient, length);
    assert.deepEqual(adjust, messages.channelWindowAdjust.encode({ recipient, bytes: length }));
  }
});

test('hot paths read what the declarations read, and refuse what they refuse', () => {
  for (const claimed of [0, 1, 3, 4, 5, 2 ** 31, 2 ** 32 - 1]) {
    for (const dataType of [undefined, 1, 2, 2 ** 32 - 1]) {
      const declared = dataType === undefined ? messages.channelData : messages.channelExtendedData;
      const payload =
        dataType === undefined
          ? messages.channelData.encode({ recipient: 5, data: Buffer.from('four') })
          : messages.channelExtendedData.encode({ recipient: 5, dataType, data: Buffer.from('four') });
      payload.writeUInt32BE(claimed, payload.length - 8);
      const hot = () => (dataType === undefined ? messages.readData(payload) : messages.readExtendedData(payload));
      if (claimed === 4) {
        assert.deepEqual(hot(), declared.decode(payload).data);
        assert.equal(messages.readRecipient(payload), 5);
        if (dataType !== undefined) assert.equal(messages.readExtendedDataType(payload), dataType);
        continue;
      }
      for (const read of [hot, () => declared.decode(payload)]) {
        assert.throws(read, (error: unknown) => error instanceof SshError && error.code === 'bad-message');
      }
    }
  }
});

test('data is a view of the payload, not a copy', () => {
  const payload = messages.channelData.encode({ recipient: 5, data: Buffer.from('four') });
  assert.equal(messages.readData(payload).buffer, payload.buffer);
});
