/**
 * Where entries are kept: files by name, such as `<scope>/<branch>/<key>.json`. What is written appears whole or not at all.
 * Nothing that it gives back is trusted: entries are checked by digest.
 */
export interface CacheStore {
  /** A small file whole, or undefined. @throws when the store cannot be reached. */
  readText(name: string): Promise<string | undefined>;
  /** Copies a file out of the store; false when it is not there, or is larger than `bytesMax`. */
  readFile(name: string, to: string, bytesMax: number): Promise<boolean>;
  writeText(name: string, text: string): Promise<void>;
  writeFile(name: string, from: string): Promise<void>;
  /** Notes that an entry was of use, so that it is kept longer than others. */
  touch(name: string): Promise<void>;
  /** Removes the least recently used files until the rest take no more than this. */
  trim(bytesMax: number): Promise<void>;
}
