import { randomUUID } from "node:crypto";
import { holderSubjectOf } from "./broker-names.ts";
import { ignoreMissing } from "./nats-connection.ts";
import type { JetStreamConnection } from "./nats-connection.ts";

/** A message of a durable consumer. */
export interface NotedMessage {
  readonly durable: string;
  readonly sequence: number;
}

/**
 * Who holds the messages that come again. The server counts deliveries and does not tell why there was another one: a
 * holder that died, one that gave the message back, a server that was started again. So each holder writes its name down,
 * in the log itself, and whoever finds another's name there that was not struck out knows that its bearer vanished.
 */
export interface HolderNotes {
  /** Notes that this process holds it from now on. Resolves with how many holders vanished with it, as far as is known. */
  take(message: NotedMessage): Promise<number>;
  /** Notes that it was given back. */
  giveBack(message: NotedMessage, lostHolders: number): void;
}

/** What holder notes work on. */
export interface HolderNoteParts {
  readonly connection: JetStreamConnection;
  readonly logId: string;
  readonly stream: string;
}

interface Note {
  /** Undefined: nobody, it was given back. */
  readonly holder?: string;
  readonly lostHolders: number;
}

/** @see HolderNotes */
export function makeHolderNotes({ connection, logId, stream }: HolderNoteParts): HolderNotes {
  const { jetStream, manager } = connection;
  const me = randomUUID();
  const read = async (subject: string): Promise<Note | undefined> => {
    const found = await ignoreMissing(manager.streams.getMessage(stream, { last_by_subj: subject }));
    return found?.json<Note>();
  };
  const write = async (subject: string, note: Note): Promise<void> => {
    await jetStream.publish(subject, JSON.stringify(note));
  };
  return {
    async take(message) {
      const subject = holderSubjectOf(logId, message);
      let lostHolders = 0;
      try {
        const note = await connection.whileThere(() => read(subject));
        lostHolders = note?.lostHolders ?? 0;
        if (note?.holder !== undefined && note.holder !== me) lostHolders += 1;
        await connection.whileThere(() => write(subject, { holder: me, lostHolders }));
      } catch {
        // Then this holder is not counted, should it vanish.
      }
      return lostHolders;
    },
    giveBack(message, lostHolders) {
      // Unwritten, it counts as vanished: no worse than without notes.
      write(holderSubjectOf(logId, message), { lostHolders }).catch(() => undefined);
    },
  };
}
