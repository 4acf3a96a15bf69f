/** Files for sftp clients out of an object store: keys with slashes are paths, and an object is put when its file is closed. */
import { connect, createServer, generateKey, pinnedHostKeys } from '@nacre/ssh';
import { openSftp } from '@nacre/ssh/client';
import { serveSftp } from '@nacre/ssh/server';
import { type DirectoryEntry, type FileHandle, type FileSystem, fileError } from '@nacre/ssh/sftp/server';

/** What every object store has; here it is a map. */
class Store {
  readonly #objects = new Map<string, { readonly body: Buffer; readonly modified: number }>();

  async put(key: string, body: Buffer): Promise<void> {
    this.#objects.set(key, { body, modified: Math.floor(Date.now() / 1000) });
  }

  async get(key: string, from: number, length: number): Promise<Buffer> {
    return this.#objects.get(key)?.body.subarray(from, from + length) ?? Buffer.alloc(0);
  }

  async head(key: string): Promise<{ size: number; modified: number } | undefined> {
    const found = this.#objects.get(key);
    return found && { size: found.body.length, modified: found.modified };
  }

  async list(prefix: string): Promise<string[]> {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async delete(key: string): Promise<void> {
    this.#objects.delete(key);
  }
}

const folder = { mode: 0o040755, size: 0 };

/** Only what a store can do: there are no links and no modes, and an object is written from its beginning to its end. */
class StoreFiles implements FileSystem {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async open(path: Buffer, request: { write: boolean; create: boolean; exclusive: boolean }): Promise<FileHandle> {
    const key = keyOf(path);
    const found = await this.#store.head(key);
    if (request.write) {
      if (found !== undefined && request.exclusive) throw fileError('EEXIST');
      if (found === undefined && !request.create) throw fileError('ENOENT');
      return this.#upload(key);
    }
    if (found === undefined) throw fileError('ENOENT');
    return {
      read: async (into, offset) => {
        const body = await this.#store.get(key, offset, into.length);
        into.set(body);
        return body.length;
      },
      stat: () => attributesOf(found),
      close: () => {},
    };
  }

  async openDirectory(path: Buffer) {
    const prefix = keyOf(path) === '' ? '' : `${keyOf(path)}/`;
    const keys = await this.#store.list(prefix);
    if (keys.length === 0 && prefix !== '') throw fileError('ENOENT');
    const names = new Set(keys.map((key) => key.slice(prefix.length).split('/')[0] as string));
    const left = [...names];
    const describe = async (name: string): Promise<DirectoryEntry> => ({
      name: Buffer.from(name),
      attributes: await this.stat(Buffer.from(`/${prefix}${name}`)),
    });
    return {
      // Asked for only when it is wanted: a client may leave a long listing early.
      read: async () => (left.length === 0 ? undefined : Promise.all(left.splice(0, 100).map(describe))),
      close: () => {},
    };
  }

  async stat(path: Buffer) {
    const key = keyOf(path);
    const found = await this.#store.head(key);
    if (found !== undefined) return attributesOf(found);
    if (key !== '' && (await this.#store.list(`${key}/`)).length === 0) throw fileError('ENOENT');
    return folder;
  }

  realPath(path: Buffer): Buffer {
    return Buffer.from(`/${keyOf(path)}`);
  }

  async remove(path: Buffer): Promise<void> {
    await this.stat(path);
    await this.#store.delete(keyOf(path));
  }

  /** Folders come into being with the objects in them. */
  makeDirectory(): void {}

  #upload(key: string): FileHandle {
    // Parts by offset: a client sends many at once. A real store would be given parts of a multipart upload.
    const parts = new Map<number, Buffer>();
    return {
      // The bytes are the server's again when this returns.
      write: (bytes, offset) => void parts.set(offset, Buffer.from(bytes)),
      stat: () => ({ mode: 0o100644 }),
      close: async () => {
        const body: Buffer[] = [];
        let end = 0;
        for (const [offset, bytes] of [...parts].sort(([a], [b]) => a - b)) {
          // A client that was cut off leaves a hole: half an object is none.
          if (offset !== end) throw new Error('a part is missing');
          body.push(bytes);
          end += bytes.length;
        }
        await this.#store.put(key, Buffer.concat(body));
      },
    };
  }
}

function attributesOf({ size, modified }: { size: number; modified: number }) {
  return { mode: 0o100644, size, times: { accessed: modified, modified } };
}

/** `/a/./b/../c` is the key `a/c`. */
function keyOf(path: Buffer): string {
  const names: string[] = [];
  for (const name of path.toString('utf8').split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names.join('/');
}

const store = new Store();
await store.put('reports/2026/june.csv', Buffer.from('day,visits\n1,17\n'));
const [hostKey, userKey] = [await generateKey('ssh-ed25519'), await generateKey('ssh-ed25519')];
await using server = createServer({
  hostKeys: [hostKey],
  authenticate: { publicKey: async ({ key }) => key.equals(userKey.publicKey) },
  subsystems: { sftp: serveSftp(new StoreFiles(store)) },
});
const { port } = await server.listen(0);

const options = { hostKeys: pinnedHostKeys(hostKey.publicKey), identities: [userKey] };
const connection = await connect(`ada@127.0.0.1:${port}`, options);
const sftp = await openSftp(connection);
console.log((await sftp.readFile('reports/2026/june.csv')).toString());
const file = await sftp.open('reports/2026/july.csv', { write: true, create: true });
await file.write(0, Buffer.from('day,visits\n1,19\n'));
await file.close();
for await (const { text, attributes } of sftp.readdir('reports/2026')) console.log(text, attributes.size);
console.log(await store.list('reports/'));
sftp.close();
await connection.close();
