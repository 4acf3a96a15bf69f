/** The two calls on files that every connection begins with. `node:fs/promises` has them too, and takes a millisecond to load. */
import * as fs from 'node:fs';

/** As of node:fs/promises. */
export function stat(path: string): Promise<fs.Stats> {
  return new Promise((resolve, reject) => {
    fs.stat(path, (error, found) => (error === null ? resolve(found) : reject(error)));
  });
}

/** As of node:fs/promises. */
export function readFile(path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    fs.readFile(path, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
}
