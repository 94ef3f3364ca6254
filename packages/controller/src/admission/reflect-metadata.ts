// @peculiar/x509 is built on a dependency injector that wants the `Reflect` metadata of an old decorator proposal and
// throws without. These are the three functions of it that the injector calls.

type Metadata = Map<unknown, unknown>;

interface MetadataReflect {
  getMetadata?: (key: unknown, target: object) => unknown;
  getOwnMetadata?: (key: unknown, target: object) => unknown;
  defineMetadata?: (key: unknown, value: unknown, target: object) => void;
}

/** Adds the functions to `Reflect` unless something else has. Call it before importing the library. */
export function installReflectMetadata(): void {
  const reflect = Reflect as MetadataReflect;
  if (reflect.getMetadata !== undefined) return;
  const metadata = new WeakMap<object, Metadata>();
  reflect.getOwnMetadata = (key, target) => metadata.get(target)?.get(key);
  reflect.getMetadata = (key, target) => {
    for (let owner: object | null = target; owner !== null; owner = Reflect.getPrototypeOf(owner)) {
      const value = metadata.get(owner)?.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  reflect.defineMetadata = (key, value, target) => {
    const entries = metadata.get(target) ?? new Map<unknown, unknown>();
    metadata.set(target, entries.set(key, value));
  };
}
