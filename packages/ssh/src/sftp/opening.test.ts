/** What is asked before there is a stream: it leaves with the greeting, and its answers come behind the server's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { WireWriter } from '../wire/index.ts';
import { startSftp } from './client.ts';
import { FrameReader } from './frames.ts';
import * as messages from './messages.ts';
import { SftpOpening } from './opening.ts';
import { greeting, ScriptedServer, status } from './scripted-server.test.kit.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

function numbersIn(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  new FrameReader().push(Buffer.from(bytes), (message) => void numbers.push(message[0] as number));
  return numbers;
}

/** A server that knows one folder and one file. */
function answering(version = greeting()): ScriptedServer {
  const server = new ScriptedServer();
  server.answer = ({ number, id }) => {
    if (number === messages.init.number) return version;
    if (number === messages.realpath.number) {
      const name = { name: Buffer.from('/home/ada'), longName: Buffer.alloc(0), attributes: {} };
      return messages.names.encode({ id, names: [name] });
    }
    if (number === messages.lstat.number) return messages.attrs.encode({ id, attributes: { size: 5 } });
    return status(id, 2);
  };
  return server;
}

test('one piece of input holds the greeting and the questions; answers come to those who asked', async () => {
  const opening = new SftpOpening();
  const home = opening.calls.realpath('.');
  const size = opening.calls.lstat('/f');
  const first = opening.firstInput();
  assert.deepEqual(numbersIn(first), [messages.init.number, messages.realpath.number, messages.lstat.number]);
  assert.equal(opening.firstInput().length, 0, 'it is given once');
  // Asked between the request and the stream: it follows on the stream.
  const late = opening.calls.stat('/none');
  late.catch(() => {});
  const server = answering();
  server.write(first);
  const starting = startSftp(server, { opening });
  await turn();
  assert.equal(server.requests(messages.stat).length, 1);
  const sftp = await starting;
  assert.equal((await home).text, '/home/ada');
  assert.equal((await size).size, 5);
  await assert.rejects(late, /stat "\/none": No such file/);
  assert.ok(sftp.extensions.has('posix-rename@openssh.com'));
  assert.equal((await sftp.realpath('.')).text, '/home/ada');
});

test('what nobody took leaves on the stream', async () => {
  const opening = new SftpOpening();
  const home = opening.calls.realpath('.');
  const server = answering();
  await startSftp(server, { opening });
  assert.equal((await home).text, '/home/ada');
  assert.deepEqual(
    server.received.map(({ number }) => number),
    [messages.init.number, messages.realpath.number],
  );
});

test('an opening that leads to nothing: another version, an end, a call that is given up', async () => {
  const fails = async (server: ScriptedServer, signal?: AbortSignal) => {
    const opening = new SftpOpening();
    const asked = opening.calls.realpath('.').catch((error: unknown) => error);
    await assert.rejects(startSftp(server, { opening, ...(signal && { signal }) }), SshError);
    assert.ok(server.destroyed);
    return (await asked) as SshError;
  };
  assert.equal((await fails(answering(greeting(2)))).code, 'unsupported');
  const ending = new ScriptedServer();
  setImmediate(() => ending.emit('end'));
  assert.equal((await fails(ending)).code, 'closed');
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  assert.equal((await fails(new ScriptedServer(), controller.signal)).code, 'aborted');
  assert.equal((await fails(new ScriptedServer(), AbortSignal.abort())).code, 'aborted');
});

test('an eager client is there before the limits are, and has what every server takes until then', async () => {
  const extensions = [['limits@openssh.com', Buffer.from('1')]] as const;
  for (const isRefused of [false, true]) {
    const server = answering(greeting(3, extensions));
    const { answer } = server;
    let tell = () => {};
    server.answer = (request) => {
      if (request.number !== messages.extended.number) return answer(request);
      tell = () => {
        const data = new WireWriter().uint64(262_144n).uint64(261_120n).uint64(261_120n).uint64(99n).finish();
        server.reply(isRefused ? status(request.id, 4) : messages.extendedReply.encode({ id: request.id, data }));
      };
      return undefined;
    };
    const sftp = await startSftp(server, { isEager: true });
    const early = { readBytes: 32_768, writeBytes: 32_768, openHandles: undefined };
    assert.deepEqual(sftp.limits, early);
    await turn();
    tell();
    await turn();
    assert.deepEqual(sftp.limits, isRefused ? early : { readBytes: 261_120, writeBytes: 261_120, openHandles: 99 });
    assert.equal((await sftp.realpath('.')).text, '/home/ada', 'the session lives on');
  }
});
