/**
 * Where in its Broker's stream a Trigger begins, as text for an annotation: the stream's ends when it was first served, and
 * which stream they are of. Ends of another life of the stream (a Broker of the same name, a bus in memory that was started
 * again) say nothing of this one: the Trigger is older than it, so all of its events are for it.
 */
export function writeSince(stream: StreamLife, ends: string): string {
  return `${stream.uid}.${stream.life}.${ends}`;
}

/** One life of a stream. */
export interface StreamLife {
  /** Of the Broker. */
  readonly uid: string;
  /** Changes when a bus forgets its streams; without dots. */
  readonly life: string;
}

/** The ends in a text of `writeSince`; undefined: the whole stream is for the Trigger. */
export function readSince(stream: StreamLife, text: string): string | undefined {
  const prefix = writeSince(stream, "");
  return text.startsWith(prefix) ? text.slice(prefix.length) : undefined;
}
